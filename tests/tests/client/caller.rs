use barewire::client::{Client, ClientBuilder, Error, Response, blocking};
use barewire_rt::Spawn;

/// How a client is called.
#[derive(Clone, Copy)]
pub(crate) enum Via {
    Awaited,
    Blocking,
}

/// A client that is called in one of both ways.
pub(crate) struct Caller<R: Spawn> {
    runtime: R,
    client: Client<R>,
    via: Via,
}

impl<R: Spawn> Caller<R> {
    pub(crate) fn new(
        runtime: R,
        via: Via,
        set_up: impl FnOnce(ClientBuilder<R>) -> ClientBuilder<R>,
    ) -> Self {
        let client = set_up(Client::builder(runtime.clone())).build();
        Self { runtime, client, via }
    }

    /// The text that a GET is answered with.
    pub(crate) fn get(&self, url: &str) -> Result<String, Error> {
        match self.via {
            Via::Awaited => {
                self.runtime.block_on(async { text(self.client.get(url).send().await?).await })
            }
            Via::Blocking => {
                let client = blocking::Client::from(self.client.clone());
                client.get(url).send()?.error_for_status()?.text()
            }
        }
    }

    /// The text that a POST is answered with.
    pub(crate) fn post(&self, url: &str, body: &'static str) -> Result<String, Error> {
        match self.via {
            Via::Awaited => self
                .runtime
                .block_on(async { text(self.client.post(url).body(body).send().await?).await }),
            Via::Blocking => {
                let client = blocking::Client::from(self.client.clone());
                client.post(url).body(body).send()?.error_for_status()?.text()
            }
        }
    }
}

async fn text(response: Response) -> Result<String, Error> {
    response.error_for_status()?.text().await
}
