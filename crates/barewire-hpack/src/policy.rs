use crate::lookup::{Hash, static_name};
use crate::static_table::FIELDS;

/// How a field is sent that no table has (section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indexing {
    /// As a literal that both sides insert into their dynamic table (section 6.2.1).
    Incremental,
    /// As a literal that leaves the tables as they are (section 6.2.2).
    Without,
    /// As a literal that nobody on the way may ever index (section 6.2.3): for secrets, which could be guessed
    /// by one who can add fields and see lengths (section 7.1).
    Never,
}

/// What an [`Encoder`](crate::Encoder) inserts into the dynamic table, and what it never does.
///
/// `authorization` and `proxy-authorization` are never indexed. What differs with each message is sent without
/// indexing: `age`, `content-length`, `content-range`, `etag`, `if-match`, `if-modified-since`, `if-none-match`,
/// `if-range`, `if-unmodified-since`, `location`, and what the fields below say. Anything else is indexed, if
/// it takes at most three quarters of the table.
///
/// ```
/// use barewire_hpack::{Encoder, Policy};
///
/// let encoder = Encoder::new(Policy { index_paths: true, ..Policy::default() });
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    /// The largest dynamic table that is used, in octets, even if the peer allows a larger one (4,096).
    /// It bounds the encoder's memory: the table, and 1 KiB to search in it. Peers use 4,096 too.
    pub max_table_size: u32,
    /// Whether `:path` is inserted (no): for a client that asks for a few paths over and over.
    pub index_paths: bool,
    /// Whether `set-cookie` is never indexed (yes); otherwise it is sent without indexing.
    pub never_index_set_cookie: bool,
    /// A `cookie` shorter than this, in octets, is never indexed, since it can be guessed (20, as nghttp2 does);
    /// longer ones are indexed.
    pub short_cookie: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_table_size: 4096,
            index_paths: false,
            never_index_set_cookie: true,
            short_cookie: 20,
        }
    }
}

impl Policy {
    /// What happens to this field if no table has it.
    pub(crate) fn indexing(&self, name: &[u8], value: &[u8], hash: Hash) -> Indexing {
        // All names that matter are in the static table, and the index costs less than comparing names.
        match static_name(name, hash) {
            PATH if !self.index_paths => Indexing::Without,
            COOKIE if value.len() < self.short_cookie => Indexing::Never,
            SET_COOKIE if self.never_index_set_cookie => Indexing::Never,
            AUTHORIZATION | PROXY_AUTHORIZATION => Indexing::Never,
            AGE | CONTENT_LENGTH | CONTENT_RANGE | ETAG | IF_MATCH | IF_MODIFIED_SINCE
            | IF_NONE_MATCH | IF_RANGE | IF_UNMODIFIED_SINCE | LOCATION | SET_COOKIE => {
                Indexing::Without
            }
            _ => Indexing::Incremental,
        }
    }
}

const PATH: usize = index_of(b":path");
const AGE: usize = index_of(b"age");
const AUTHORIZATION: usize = index_of(b"authorization");
const CONTENT_LENGTH: usize = index_of(b"content-length");
const CONTENT_RANGE: usize = index_of(b"content-range");
const COOKIE: usize = index_of(b"cookie");
const ETAG: usize = index_of(b"etag");
const IF_MATCH: usize = index_of(b"if-match");
const IF_MODIFIED_SINCE: usize = index_of(b"if-modified-since");
const IF_NONE_MATCH: usize = index_of(b"if-none-match");
const IF_RANGE: usize = index_of(b"if-range");
const IF_UNMODIFIED_SINCE: usize = index_of(b"if-unmodified-since");
const LOCATION: usize = index_of(b"location");
const PROXY_AUTHORIZATION: usize = index_of(b"proxy-authorization");
const SET_COOKIE: usize = index_of(b"set-cookie");

/// The first index with this name. A name that the static table does not have stops the compiler.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the compiler runs it"
)]
const fn index_of(name: &[u8]) -> usize {
    let mut place = 0;
    loop {
        let known = FIELDS[place].0;
        let mut at = 0;
        while at < name.len() && at < known.len() && name[at] == known[at] {
            at += 1;
        }
        if at == name.len() && at == known.len() {
            return place + 1;
        }
        place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::hash;

    #[test]
    fn what_is_indexed() {
        let default = Policy::default();
        let other =
            Policy { index_paths: true, never_index_set_cookie: false, ..Policy::default() };
        for (name, value, expected, with_options) in [
            (":path", "/a", Indexing::Without, Indexing::Incremental),
            (":authority", "a", Indexing::Incremental, Indexing::Incremental),
            ("accept", "*/*", Indexing::Incremental, Indexing::Incremental),
            ("authorization", "Basic YQ==", Indexing::Never, Indexing::Never),
            ("content-length", "5", Indexing::Without, Indexing::Without),
            ("cookie", "a=1234567890123456", Indexing::Never, Indexing::Never),
            ("cookie", "a=123456789012345678", Indexing::Incremental, Indexing::Incremental),
            ("date", "Mon, 01 Jan 2024 00:00:00 GMT", Indexing::Incremental, Indexing::Incremental),
            ("etag", "\"a\"", Indexing::Without, Indexing::Without),
            ("proxy-authorization", "Basic YQ==", Indexing::Never, Indexing::Never),
            ("set-cookie", "a=b", Indexing::Never, Indexing::Without),
            ("x-anything", "", Indexing::Incremental, Indexing::Incremental),
        ] {
            let hash = hash(name.as_bytes(), value.as_bytes());
            for (policy, expected) in [(&default, expected), (&other, with_options)] {
                let indexing = policy.indexing(name.as_bytes(), value.as_bytes(), hash);
                assert_eq!(indexing, expected, "{name}: {value}");
            }
        }
    }
}
