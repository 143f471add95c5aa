use barewire_rt::UdpSocket;

use crate::Net;

pub(crate) fn datagrams_are_echoed<R: Net>(runtime: R) {
    runtime.block_on(async {
        let any = "127.0.0.1:0".parse().unwrap();
        let server = runtime.bind_udp(any).unwrap();
        let addr = server.local_addr().unwrap();
        let echoing = runtime.spawn(async move {
            let mut buf = [0; 2048];
            loop {
                let (n, peer) = server.recv_from(&mut buf).await.unwrap();
                if n == 0 {
                    break;
                }
                assert_eq!(server.send_to(&buf[..n], peer).await.unwrap(), n);
            }
        });
        let client = runtime.bind_udp(any).unwrap();
        let mut buf = [0; 2048];
        for size in [1, 100, 1400] {
            client.send_to(&vec![7; size], addr).await.unwrap();
            assert_eq!(client.recv_from(&mut buf).await.unwrap(), (size, addr));
            assert!(buf[..size].iter().all(|byte| *byte == 7));
        }
        client.send_to(&[7; 100], addr).await.unwrap();
        let (n, _) = client.recv_from(&mut buf[..10]).await.unwrap();
        assert_eq!(n, 10, "a datagram is cut to the buffer");
        client.send_to(&[], addr).await.unwrap();
        echoing.await.unwrap();
    });
}

pub(crate) fn datagrams_go_to_the_connected_peer<R: Net>(runtime: R) {
    runtime.block_on(async {
        let any = "127.0.0.1:0".parse().unwrap();
        let bind = || runtime.bind_udp(any).unwrap();
        let (one, other, stranger) = (bind(), bind(), bind());
        one.connect(other.local_addr().unwrap()).unwrap();
        other.connect(one.local_addr().unwrap()).unwrap();
        stranger.send_to(b"stranger", one.local_addr().unwrap()).await.unwrap();
        assert_eq!(other.send(b"hello").await.unwrap(), 5);
        let mut buf = [0; 16];
        let n = one.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..n], b"hello");
    });
}
