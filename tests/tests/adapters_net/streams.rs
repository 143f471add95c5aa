use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::task::Poll;
use std::time::{Duration, Instant};

use barewire_rt::{Interest, Listener, Transport};
use futures_lite::io::BufReader;
use futures_lite::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt,
};

use crate::{Net, echo, listen, pair};

pub(crate) fn many_clients_are_echoed<R: Net>(runtime: R) {
    const CLIENTS: usize = 100;
    runtime.block_on(async {
        let (listener, addr) = listen(&runtime);
        let accepting = runtime.clone();
        let server = runtime.spawn(async move {
            let mut connections = Vec::new();
            for _ in 0..CLIENTS {
                let (stream, _) = listener.accept().await.unwrap();
                connections.push(accepting.spawn(echo(stream)));
            }
            for connection in connections {
                connection.await.unwrap().unwrap();
            }
        });
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            let connecting = runtime.clone();
            clients.push(runtime.spawn(async move {
                let mut stream = connecting.connect_tcp(addr, None).await.unwrap();
                for round in 0..10 {
                    let said = format!("client {n}, round {round}");
                    stream.write_all(said.as_bytes()).await.unwrap();
                    let mut heard = vec![0; said.len()];
                    stream.read_exact(&mut heard).await.unwrap();
                    assert_eq!(heard, said.as_bytes());
                }
            }));
        }
        for client in clients {
            client.await.unwrap();
        }
        server.await.unwrap();
    });
}

pub(crate) fn lines_are_read_to_the_end_of_file<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (client, server) = pair(&runtime).await;
        let writing = runtime.spawn(async move {
            let (_, mut writer) = R::split(client);
            for n in 0..1000 {
                writer.write_all(format!("line {n}\n").as_bytes()).await.unwrap();
            }
            writer.write_all(b"no newline").await.unwrap();
        });
        let mut lines = BufReader::new(server).lines();
        for n in 0..1000 {
            assert_eq!(lines.next().await.unwrap().unwrap(), format!("line {n}"));
        }
        assert_eq!(lines.next().await.unwrap().unwrap(), "no newline");
        assert!(lines.next().await.is_none());
        writing.await.unwrap();
    });
}

pub(crate) fn bytes_are_read_as_they_are_asked_for<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (mut client, server) = pair(&runtime).await;
        let writing = runtime.spawn(async move {
            for piece in ["ab", "cde", "f;g", "hi;", ";rest"] {
                client.write_all(piece.as_bytes()).await.unwrap();
            }
        });
        let mut reader = BufReader::with_capacity(2, server);
        let mut four = [0; 4];
        reader.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"abcd");
        for expected in ["ef;", "ghi;", ";", "rest", ""] {
            let mut read = Vec::new();
            reader.read_until(b';', &mut read).await.unwrap();
            assert_eq!(read, expected.as_bytes());
        }
        let error = reader.read_exact(&mut four).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        writing.await.unwrap();
    });
}

pub(crate) fn the_write_side_ends_alone<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (mut client, mut server) = pair(&runtime).await;
        let answering = runtime.spawn(async move {
            let mut question = String::new();
            server.read_to_string(&mut question).await.unwrap();
            server.write_all(question.to_uppercase().as_bytes()).await.unwrap();
        });
        client.write_all(b"question").await.unwrap();
        client.close().await.unwrap();
        assert!(client.write_all(b"more").await.is_err());
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "QUESTION");
        answering.await.unwrap();
        // Whoever read the end of file already may still say that it is done.
        client.close().await.unwrap();
    });
}

pub(crate) fn large_transfers_go_both_ways_at_once<R: Net>(runtime: R) {
    const SIZE: usize = 4 << 20;
    fn pattern(at: usize) -> u8 {
        (at * 31 % 251) as u8
    }
    async fn send(mut writer: impl AsyncWrite + Unpin) {
        let data: Vec<u8> = (0..SIZE).map(pattern).collect();
        writer.write_all(&data).await.unwrap();
    }
    async fn receive(mut reader: impl AsyncRead + Unpin) {
        let (mut at, mut buf) = (0, [0; 10_000]);
        loop {
            let n = reader.read(&mut buf).await.unwrap();
            if n == 0 {
                break;
            }
            assert!(buf[..n].iter().enumerate().all(|(i, byte)| *byte == pattern(at + i)));
            at += n;
        }
        assert_eq!(at, SIZE);
    }
    runtime.block_on(async {
        let (client, server) = pair(&runtime).await;
        let (client_reader, client_writer) = R::split(client);
        let (server_reader, server_writer) = R::split(server);
        let tasks = [
            runtime.spawn(send(client_writer)),
            runtime.spawn(send(server_writer)),
            runtime.spawn(receive(server_reader)),
            runtime.spawn(receive(client_reader)),
        ];
        for task in tasks {
            task.await.unwrap();
        }
    });
}

pub(crate) fn what_is_reset_is_an_error<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (client, mut server) = pair(&runtime).await;
        R::reset(client);
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(server.write_all(b"too late").await.is_err());
    });
}

pub(crate) fn streams_do_not_wait_for_more_to_send<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (client, server) = pair(&runtime).await;
        assert!(R::std(&client).nodelay().unwrap());
        assert!(R::std(&server).nodelay().unwrap());
    });
}

pub(crate) fn transports_wake_at_their_deadline<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (mut client, mut server) = pair(&runtime).await;
        let read = Interest { read: true, write: false };
        let mut buf = [0; 8];
        // The later deadline comes first, then an earlier one, then a later one again.
        for millis in [60_000, 20, 40] {
            let deadline = Instant::now() + Duration::from_millis(millis);
            if millis == 60_000 {
                client.write_all(b"hello").await.unwrap();
            }
            let ended = poll_fn(|cx| {
                if let Poll::Ready(n) = Transport::poll_read(&mut server, cx, &mut buf) {
                    return Poll::Ready(Some(n.unwrap()));
                }
                if Instant::now() >= deadline {
                    return Poll::Ready(None);
                }
                server.wait(cx, read, Some(deadline));
                Poll::Pending
            })
            .await;
            assert_eq!(ended, (millis == 60_000).then_some(5));
        }
        let pieces = [b"one ".as_slice(), b"two ", b"three"].map(IoSlice::new);
        let n = poll_fn(|cx| Transport::poll_write(&mut client, cx, &pieces)).await.unwrap();
        assert_eq!(n, 13);
        poll_fn(|cx| client.poll_shutdown(cx)).await.unwrap();
        let mut heard = String::new();
        server.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "one two three");
    });
}
