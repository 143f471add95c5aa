//! Heads whose fields are, byte for byte, those of the head before on the same connection.
//!
//! Programs that keep a connection send the same fields with every request, and browsers do for resources of
//! one kind. Once that was seen twice, the fields of such a head are not parsed and checked again: the map is
//! a clone, whose values share what the first one's do. When the request line is the same as well, nothing is
//! parsed. Heads that differ cost one comparison.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};

use crate::BodyLength;
use crate::exchange::Exchange;
use crate::framing::Framing;
use crate::head::version;

/// What is remembered of the fields of earlier heads.
#[derive(Debug, Default)]
pub(crate) struct Repeat {
    last: Print,
    known: Option<Known>,
    line: Line,
    /// Sections that were remembered and did not come again.
    wasted: u8,
}

/// A field section that came at least twice, and what was made of it.
#[derive(Debug)]
pub(crate) struct Known {
    /// Everything after the request line, the empty line at the end included.
    pub(crate) section: Bytes,
    pub(crate) http11: bool,
    pub(crate) map: HeaderMap,
    pub(crate) body: BodyLength,
    pub(crate) framing: Framing,
}

/// The last request line before a known section.
#[derive(Debug, Default)]
struct Line {
    /// Its end included; empty when it is too long to be kept.
    bytes: Vec<u8>,
    /// What it makes with the known section, once it came twice.
    whole: Option<Whole>,
}

/// A head that came at least three times, and what was made of it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    pub(crate) request: Request<()>,
    pub(crate) body: BodyLength,
    pub(crate) exchange: Exchange,
}

/// Tells sections apart well enough to guess whether one comes again, without keeping it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Print {
    len: usize,
    first: [u8; 16],
    last: [u8; 16],
}

/// Longer sections are not worth the memory that they would pin.
const LONGEST: usize = 4096;

/// Request lines that are longer hardly come again.
const LONGEST_LINE: usize = 512;

/// A connection on which guessing failed so often in a row is left alone.
const MOST_WASTED: u8 = 4;

impl Repeat {
    /// What is known of the section that `rest`, all that follows a request line, begins with.
    pub(crate) fn known(&self, rest: &[u8]) -> Option<&Known> {
        self.known.as_ref().filter(|known| rest.starts_with(&known.section))
    }

    /// Notes that the section which is known came once more.
    pub(crate) fn hit(&mut self) {
        self.wasted = 0;
    }

    #[cfg(test)]
    pub(crate) fn has_hit(&self) -> bool {
        self.known.is_some() && self.wasted == 0
    }

    /// Whether a section looks like the one before, so that it is worth remembering.
    pub(crate) fn comes_again(&mut self, section: &[u8]) -> bool {
        let print = Print {
            len: section.len(),
            first: section.first_chunk().copied().unwrap_or_default(),
            last: section.last_chunk().copied().unwrap_or_default(),
        };
        let again = print == self.last;
        self.last = print;
        again && section.len() <= LONGEST && self.wasted < MOST_WASTED
    }

    /// The head that `buf` begins with, when all of it is known and no longer than `max_head`.
    pub(crate) fn hit_whole(&mut self, buf: &[u8], max_head: usize) -> Option<&Whole> {
        let whole = self.line.whole.as_ref()?;
        if whole.bytes.len() > max_head || !buf.starts_with(&whole.bytes) {
            return None;
        }
        self.wasted = 0;
        Some(whole)
    }

    /// Remembers the line before a known section, and when it came again the request that it makes. The target
    /// has memory of its own.
    pub(crate) fn remember_line(
        &mut self,
        line: &[u8],
        target: impl FnOnce() -> Option<(Method, Uri)>,
    ) {
        if self.line.bytes == line {
            self.line.whole = self.known.as_ref().zip(target()).map(|(known, (method, uri))| {
                let mut request = Request::new(());
                request.headers_mut().clone_from(&known.map);
                *request.version_mut() = version(known.http11);
                *request.method_mut() = method;
                *request.uri_mut() = uri;
                Whole {
                    bytes: [line, &known.section].concat(),
                    body: known.body,
                    exchange: Exchange::begin(&request, known.body, &known.framing),
                    request,
                }
            });
            return;
        }
        self.line.whole = None;
        self.line.bytes.clear();
        if line.len() <= LONGEST_LINE {
            self.line.bytes.extend_from_slice(line);
        }
    }

    /// Remembers a section that came again.
    pub(crate) fn remember(&mut self, known: Known) {
        self.wasted = self.wasted.saturating_add(1);
        self.known = Some(known);
        self.line = Line::default();
    }
}

#[cfg(test)]
mod tests {
    use barewire_proto::Status;
    use http::Request;

    use super::Whole;
    use crate::exchange::Exchange;
    use crate::head::{Scratch, parse_request, parse_request_into, whole_repeated};
    use crate::{Config, Error};

    type Seen = Result<Option<(String, usize)>, Error>;

    fn whole(buf: &[u8], config: &Config) -> Seen {
        Ok(parse_request(buf, config)?.complete().map(|(head, used)| {
            let exchange = Exchange::begin(&head.request, head.body, &head.framing);
            (format!("{:?} {:?} {exchange:?}", head.request, head.body), used)
        }))
    }

    fn with(scratch: &mut Scratch, buf: &[u8], config: &Config) -> Seen {
        if let Some(Whole { bytes, request, body, exchange }) = whole_repeated(scratch, buf, config)
        {
            return Ok(Some((format!("{request:?} {body:?} {exchange:?}"), bytes.len())));
        }
        let mut request = Request::new(());
        let status = parse_request_into(&mut request, scratch, buf, config)?;
        Ok(match status {
            Status::Complete((body, framing), used) => {
                let exchange = Exchange::begin(&request, body, &framing);
                Some((format!("{request:?} {body:?} {exchange:?}"), used))
            }
            Status::Partial => None,
        })
    }

    #[test]
    fn what_came_before_never_changes_what_a_head_means() {
        let fields = [
            "Host: a\r\n\r\n",
            "Host: a\r\nContent-Length: 5\r\n\r\n",
            "Host: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            "Host: a\r\nUpgrade: x\r\nConnection: upgrade\r\nExpect: 100-continue\r\n\r\n",
            "Host: a\r\nHost: a\r\n\r\n",
            "\r\n",
        ];
        let lines = [
            "GET / HTTP/1.1\r\n",
            "POST /b?c HTTP/1.1\r\n",
            "GET / HTTP/1.0\r\n",
            "CONNECT / HTTP/1.1\r\n",
            "CONNECT a:1 HTTP/1.1\r\n",
            "GET /\u{e9} HTTP/1.1\r\n",
            "GET /# HTTP/1.1\r\n",
            "GET / HTTP/2.0\r\n",
            "GET  / HTTP/1.1\r\n",
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1 \r\n",
        ];
        let config = Config::default();
        for remembered in fields {
            for section in fields {
                for line in lines {
                    let mut scratch = Scratch::default();
                    let known = format!("GET / HTTP/1.1\r\n{remembered}");
                    for _ in 0..5 {
                        let seen = with(&mut scratch, known.as_bytes(), &config);
                        assert_eq!(seen, whole(known.as_bytes(), &config));
                    }
                    let head = format!("{line}{section}GET /next HTTP/1.1\r\n{remembered}");
                    for end in [head.len(), line.len() + section.len(), line.len() + 3] {
                        let Some(buf) = head.as_bytes().get(..end) else { continue };
                        for _ in 0..3 {
                            assert_eq!(
                                with(&mut scratch, buf, &config),
                                whole(buf, &config),
                                "{} after {remembered:?}",
                                buf.escape_ascii()
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_section_that_came_three_times_is_not_parsed_again() {
        let config = Config::default();
        let mut scratch = Scratch::default();
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Custom: b\r\n\r\n";
        for _ in 0..2 {
            with(&mut scratch, head, &config).unwrap();
            assert!(!scratch.is_repeating());
        }
        with(&mut scratch, head, &config).unwrap();
        assert!(scratch.is_repeating());
        assert!(whole_repeated(&mut scratch, head, &config).is_none());
        with(&mut scratch, head, &config).unwrap();
        assert!(whole_repeated(&mut scratch, head, &config).is_some());
    }
}
