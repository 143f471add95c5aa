use std::io::ErrorKind;

use barewire_rt::{Listener, PeerAddr};
use barewire_tests::scratch::Scratch;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use crate::{Net, echo};

pub(crate) fn unix_streams_are_echoed<R: Net>(runtime: R) {
    runtime.block_on(async {
        let scratch = Scratch::new();
        let path = scratch.path().join("socket");
        let error = runtime.connect_unix(&path).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let listener = runtime.listen_unix(&path, &Default::default()).unwrap();
        assert_eq!(listener.local_addr().unwrap(), PeerAddr::Unix(Some(path.clone())));
        let taken = runtime.listen_unix(&path, &Default::default()).err().unwrap();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);

        let mut client = runtime.connect_unix(&path).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, PeerAddr::Unix(None));
        let echoing = runtime.spawn(echo(server));
        let mut heard = [0; 5];
        for _ in 0..10 {
            client.write_all(b"hello").await.unwrap();
            client.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello");
        }
        drop(client);
        echoing.await.unwrap().unwrap();
        listener.close();
        assert_eq!(listener.accept().await.err().unwrap().kind(), ErrorKind::NotConnected);
    });
}
