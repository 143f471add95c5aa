use std::io::ErrorKind;
use std::path::PathBuf;

use barewire_rt::{Listener, PeerAddr};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use crate::{Net, echo};

pub(crate) fn unix_streams_are_echoed<R: Net>(runtime: R) {
    runtime.block_on(async {
        let path = SocketPath::new();
        let error = runtime.connect_unix(&path.0).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let listener = runtime.listen_unix(&path.0, &Default::default()).unwrap();
        assert_eq!(listener.local_addr().unwrap(), PeerAddr::Unix(Some(path.0.clone())));
        let taken = runtime.listen_unix(&path.0, &Default::default()).err().unwrap();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);

        let mut client = runtime.connect_unix(&path.0).await.unwrap();
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

/// A path that nobody else uses, and that is gone afterwards.
struct SocketPath(PathBuf);

impl SocketPath {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("barewire-adapters-{}-{n}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
