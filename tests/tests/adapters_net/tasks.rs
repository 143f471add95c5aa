use std::time::{Duration, Instant};

use barewire_rt::{JoinError, Listener, PeerAddr, Transport, UdpSocket};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};

use crate::{Net, echo, listen, pair};

pub(crate) fn tasks_end_with_a_value_or_a_panic<R: Net>(runtime: R) {
    runtime.block_on(async {
        assert_eq!(runtime.spawn(async { 7 }).await, Ok(7));
        assert_eq!(runtime.spawn_blocking(|| 7).await, Ok(7));
        let quiet = || std::panic::resume_unwind(Box::new("on purpose"));
        assert_eq!(runtime.spawn(async move { quiet() }).await, Err::<(), _>(JoinError::Panicked));
        assert_eq!(runtime.spawn_blocking(quiet).await, Err::<(), _>(JoinError::Panicked));
        assert_eq!(runtime.spawn(async { "still there" }).await, Ok("still there"));
    });
}

pub(crate) fn tasks_outlive_their_handles<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (client, mut server) = pair(&runtime).await;
        drop(runtime.spawn(echo(client)));
        server.write_all(b"anybody?").await.unwrap();
        let mut heard = [0; 8];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"anybody?");
    });
}

pub(crate) fn time_passes<R: Net>(runtime: R) {
    runtime.block_on(async {
        let start = Instant::now();
        runtime.sleep_until(start).await;
        runtime.sleep(Duration::from_millis(30)).await;
        assert!(start.elapsed() >= Duration::from_millis(30));
        assert!(runtime.now() >= start);
    });
}

pub(crate) fn dropping_a_future_loses_nothing<R: Net>(runtime: R) {
    // A blocking future is ready when it is first polled: there is nothing to drop.
    if R::TcpStream::BLOCKING {
        return;
    }
    runtime.block_on(async {
        let (listener, addr) = listen(&runtime);
        for _ in 0..10 {
            assert!(future::poll_once(listener.accept()).await.is_none());
            assert!(future::poll_once(runtime.sleep(Duration::from_secs(60))).await.is_none());
        }
        for _ in 0..10 {
            drop(future::poll_once(runtime.connect_tcp(addr, None)).await);
        }
        let mut client = runtime.connect_tcp(addr, None).await.unwrap();
        let local = R::std(&client).local_addr().unwrap();
        // Those whose connecting was given up come first, and end at once.
        let mut server = loop {
            let (stream, peer) = listener.accept().await.unwrap();
            if peer == PeerAddr::Tcp(local) {
                break stream;
            }
        };
        let mut heard = [0; 5];
        for _ in 0..10 {
            assert!(future::poll_once(server.read(&mut heard)).await.is_none());
            client.write_all(b"hello").await.unwrap();
            server.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello");
        }

        let socket = runtime.bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
        for _ in 0..10 {
            assert!(future::poll_once(socket.recv_from(&mut heard)).await.is_none());
            socket.send_to(b"again", socket.local_addr().unwrap()).await.unwrap();
            assert_eq!(socket.recv_from(&mut heard).await.unwrap().0, 5);
        }
    });
}
