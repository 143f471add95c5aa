//! Many requests on one connection.

use std::sync::Arc;

use barewire_client::Client;
use barewire_h2::Config;
use barewire_rt::Runtime;
use futures_lite::future::block_on;
use http::Version;

use crate::on_each_runtime;
use crate::peer::Server;

on_each_runtime![one_after_another];

fn client<R: Runtime>(runtime: R) -> Client<R> {
    Client::builder(runtime).http2_prior_knowledge().build()
}

fn one_after_another<R: Runtime>(runtime: R) {
    let server = Server::echo_paths(Config::default());
    let client = client(runtime);
    block_on(async {
        for n in 0..3 {
            let path = format!("/{n}");
            let response = client.get(server.url(&path)).send().await.unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
            assert_eq!(response.text().await.unwrap(), path);
        }
    });
    assert_eq!(server.connections(), 1);
    let counted = client.connections(server.url("/")).unwrap();
    assert_eq!((counted.idle, counted.in_use), (1, 0));
    let _ = Arc::new(client);
}
