use http::{Method, Request, Version};

use crate::BodyLength;
use crate::framing::Framing;

/// What has to be remembered of a request until it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) http11: bool,
    pub(crate) head: bool,
    pub(crate) connect: bool,
    pub(crate) upgrade: bool,
    pub(crate) persistent: bool,
    /// The client waits for `100 Continue`.
    pub(crate) waiting: bool,
}

impl Exchange {
    pub(crate) fn begin(request: &Request<()>, body: BodyLength, framing: &Framing) -> Self {
        let http11 = request.version() == Version::HTTP_11;
        Self {
            http11,
            head: *request.method() == Method::HEAD,
            connect: *request.method() == Method::CONNECT,
            upgrade: framing.offers_upgrade(request),
            persistent: framing.persists(http11),
            waiting: framing.expect_continue && body != BodyLength::Empty,
        }
    }
}
