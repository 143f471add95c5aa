//! `barewire serve`.

use std::path::PathBuf;
use std::sync::Arc;

use barewire::http::{Request, Response, StatusCode};
use barewire::rt::{Runtime, Spawn, Transport};
use barewire::server::{Body, Handler, IntoResponse};

use crate::Error;
use crate::files::{Content, FileBody, Site};
use crate::listen::{self, Application};

/// Serve the files of a directory
///
/// Types by name, ranges, conditional requests; index.html where there is one, else a listing. Symbolic
/// links are followed within the directory and never out of it. Hidden files, such as .git and .env, are not served,
/// but for /.well-known/.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Serve hidden files, too: whatever has a name that begins with a dot, and is not .well-known
    #[arg(long)]
    hidden: bool,

    #[command(flatten)]
    listen: listen::Arguments,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Error> {
        let site = Site::open(&self.directory, self.hidden)?;
        self.listen.serve(Files { site: Arc::new(site) })
    }
}

struct Files {
    site: Arc<Site>,
}

impl Application for Files {
    fn handler<R: Spawn>(self, runtime: R) -> impl Handler {
        FilesOn { runtime, site: self.site }
    }
}

struct FilesOn<R> {
    runtime: R,
    site: Arc<Site>,
}

impl<R: Spawn> Handler for FilesOn<R> {
    async fn call(&self, request: Request<Body>) -> Response<Body> {
        let head = request.into_parts().0;
        let answered = if <R as Runtime>::TcpStream::BLOCKING {
            Ok(self.site.answer(&head.method, &head.uri, &head.headers))
        } else {
            let site = Arc::clone(&self.site);
            let work = move || site.answer(&head.method, &head.uri, &head.headers);
            self.runtime.spawn_blocking(work).await
        };
        match answered {
            Ok(response) => response.map(|content| match content {
                Content::Bytes(bytes) => bytes.into(),
                Content::File(reader) => Body::stream(FileBody::new(self.runtime.clone(), reader)),
            }),
            Err(error) => {
                tracing::error!(%error, "cannot answer");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
