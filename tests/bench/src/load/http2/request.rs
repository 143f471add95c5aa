use barewire_hpack::{Encoder, Indexing, Policy};
use bytes::BytesMut;

/// A request's header block as it is sent first on a connection, and as it is sent from then on.
///
/// As nghttp2 does it, every field goes into the table but the path: what comes later is a few octets.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) first: Vec<u8>,
    pub(crate) later: Vec<u8>,
    /// Whether a body is to follow, which never does.
    pub(super) open: bool,
}

impl Request {
    pub(crate) fn get(authority: &str, path: &str, fields: &[(&str, &str)]) -> Self {
        Self::new("GET", authority, path, fields)
    }

    /// A POST whose body never comes.
    pub(crate) fn held_open(authority: &str, path: &str) -> Self {
        Self { open: true, ..Self::new("POST", authority, path, &[]) }
    }

    fn new(method: &str, authority: &str, path: &str, fields: &[(&str, &str)]) -> Self {
        let mut encoder = Encoder::new(Policy::default());
        let [first, later] = [(); 2].map(|()| {
            let mut octets = BytesMut::new();
            let mut block = encoder.block(&mut octets);
            for (name, value) in
                [(":method", method), (":scheme", "http"), (":authority", authority)]
            {
                block.field_as(name.as_bytes(), value.as_bytes(), Indexing::Incremental);
            }
            block.field_as(b":path", path.as_bytes(), Indexing::Without);
            for (name, value) in fields {
                block.field_as(name.as_bytes(), value.as_bytes(), Indexing::Incremental);
            }
            octets.to_vec()
        });
        Self { first, later, open: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_path_is_an_index_later() {
        let request = Request::get("127.0.0.1:80", "/64k", &[("user-agent", "bench")]);
        assert!(request.first.len() > 20);
        // GET, http, authority, the path as a literal with an indexed name, user-agent.
        assert!(request.later.len() <= 4 + 1 + 1 + "/64k".len(), "{:?}", request.later);
        assert_eq!(Request::get("127.0.0.1:80", "/", &[]).later.len(), 4);
    }
}
