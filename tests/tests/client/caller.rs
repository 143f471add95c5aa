use barewire::client::{Client, ClientBuilder, Error, Response, blocking};
use barewire_rt::Spawn;
use http::Version;

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
        self.get_version(url).map(|(_, text)| text)
    }

    /// The text that a GET is answered with, and over which version of HTTP.
    pub(crate) fn get_version(&self, url: &str) -> Result<(Version, String), Error> {
        match self.via {
            Via::Awaited => self.runtime.block_on(async {
                let response = self.client.get(url).send().await?;
                Ok((response.version(), text(response).await?))
            }),
            Via::Blocking => {
                let client = blocking::Client::from(self.client.clone());
                let response = client.get(url).send()?;
                Ok((response.version(), response.error_for_status()?.text()?))
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
