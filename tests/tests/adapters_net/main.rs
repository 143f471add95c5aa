//! Sockets, timers and tasks in their own right: one suite, run on every runtime.
//!
//! Each test is a function over [`Net`], so that a runtime differs from another in nothing that a user sees.

mod connecting;
mod datagrams;
mod streams;
mod tasks;
mod unix;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use barewire_rt::{Listener, PeerAddr, Runtime, Spawn};
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use connecting::*;
use datagrams::*;
use streams::*;
use tasks::*;
use unix::*;

/// What a TCP stream can do on every runtime without it being in a trait.
trait Net: Spawn {
    type Reader: AsyncRead + Unpin + Send + 'static;
    type Writer: AsyncWrite + Unpin + Send + 'static;

    fn split(stream: Self::TcpStream) -> (Self::Reader, Self::Writer);
    fn std(stream: &Self::TcpStream) -> &std::net::TcpStream;
    fn reset(stream: Self::TcpStream);
}

macro_rules! net {
    ($runtime:ty, $krate:ident) => {
        impl Net for $runtime {
            type Reader = $krate::ReadHalf<std::net::TcpStream>;
            type Writer = $krate::WriteHalf<std::net::TcpStream>;

            fn split(stream: Self::TcpStream) -> (Self::Reader, Self::Writer) {
                stream.split()
            }

            fn std(stream: &Self::TcpStream) -> &std::net::TcpStream {
                stream.get_ref()
            }

            fn reset(stream: Self::TcpStream) {
                stream.set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    };
}

net!(barewire_async_std::AsyncStd, barewire_async_std);
net!(barewire_smol::Smol, barewire_smol);
net!(barewire_std::Std, barewire_std);

macro_rules! on_every_runtime {
    ($($test:ident)*) => {
        mod on_async_std {
            $(#[test] fn $test() { super::$test(barewire_async_std::AsyncStd); })*
        }

        mod on_smol {
            $(#[test] fn $test() { super::$test(barewire_smol::Smol::default()); })*
        }

        mod on_smol_with_one_thread {
            $(#[test] fn $test() { super::$test(barewire_smol::Smol::with_threads(1).unwrap()); })*
        }

        mod on_std {
            $(#[test] fn $test() { super::$test(barewire_std::Std::default()); })*
        }
    };
}

on_every_runtime! {
    addresses_are_tried_in_turn
    an_attempt_ends_at_its_deadline
    as_many_wait_as_the_backlog_says
    bytes_are_read_as_they_are_asked_for
    closing_a_listener_ends_accepting
    connecting_to_nobody_is_refused
    datagrams_are_echoed
    datagrams_go_to_the_connected_peer
    dropping_a_future_loses_nothing
    large_transfers_go_both_ways_at_once
    lines_are_read_to_the_end_of_file
    many_clients_are_echoed
    names_are_resolved
    streams_do_not_wait_for_more_to_send
    tasks_end_with_a_value_or_a_panic
    tasks_outlive_their_handles
    the_write_side_ends_alone
    time_passes
    transports_wake_at_their_deadline
    unix_streams_are_echoed
    what_is_reset_is_an_error
}

fn listen<R: Runtime>(runtime: &R) -> (R::TcpListener, SocketAddr) {
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = runtime.listen_tcp(any, &Default::default()).unwrap();
    let Ok(PeerAddr::Tcp(addr)) = listener.local_addr() else {
        panic!("a TCP listener has a TCP address");
    };
    (listener, addr)
}

/// Two ends of a connection.
async fn pair<R: Runtime>(runtime: &R) -> (R::TcpStream, R::TcpStream) {
    let (listener, addr) = listen(runtime);
    let client = runtime.connect_tcp(addr, None).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert!(matches!(peer, PeerAddr::Tcp(peer) if peer.ip().is_loopback()));
    (client, server)
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut buf = [0; 1024];
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(()),
            n => stream.write_all(&buf[..n]).await?,
        }
    }
}
