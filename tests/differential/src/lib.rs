//! What a peer makes of a vector, beside what we do.
//!
//! Both are written as one line: the heads that were handed out, the bytes of bodies that ended well, and how
//! the connection stands. Which fields a head has and what a refused body had delivered by then is left out:
//! it is ours to choose. [`http2`] does the same with frames, and lets us and the `h2` crate meet.

#![forbid(unsafe_code)]

mod client;
pub mod http2;
mod reasons;
mod server;
mod wire;

use std::fmt;

use barewire_testkit::Vector;

pub use client::client;
pub use reasons::{compare, read_reasons};
pub use server::server;
pub use wire::Wire;

/// What became of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// `GET /`, or `200`, in order.
    pub heads: Vec<String>,
    /// Bytes of the bodies that ended well.
    pub bytes: usize,
    /// How the connection stands.
    pub end: End,
}

/// Which side is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Of responses.
    Client,
    /// Of requests.
    Server,
}

/// How a connection stands after the last byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It closed in good order.
    Closed,
    /// It waits for more.
    #[default]
    Open,
    /// The head of a message was refused, with this status by a server.
    Refused(Option<u16>),
    /// A body was refused.
    RefusedInBody,
    /// It belongs to another protocol, with so many bytes left over.
    Upgraded(usize),
}

impl Verdict {
    /// A target may be as long as a limit.
    fn head(&mut self, head: &str) {
        self.heads.push(head.chars().take(60).collect());
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for head in &self.heads {
            write!(f, "{head}, ")?;
        }
        if self.bytes > 0 {
            write!(f, "{} bytes, ", self.bytes)?;
        }
        match self.end {
            End::Closed => f.write_str("closed"),
            End::Open => f.write_str("open"),
            End::Refused(None) => f.write_str("refused"),
            End::Refused(Some(status)) => write!(f, "{status}"),
            End::RefusedInBody => f.write_str("body refused"),
            End::Upgraded(left_over) => write!(f, "upgraded with {left_over}"),
        }
    }
}

/// What the vector demands of us.
pub fn ours(vector: &Vector, role: Role) -> Verdict {
    let mut verdict = Verdict::default();
    let (mut in_body, mut data) = (false, 0);
    for line in vector.expected.lines() {
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb {
            "request" | "response" | "informational" => {
                let words = if verb == "request" { 2 } else { 1 };
                let head: Vec<_> = rest.split(' ').take(words).collect();
                verdict.head(&head.join(" "));
                (in_body, data) = (false, 0);
            }
            "header" => {
                let length = rest.strip_prefix("content-length: ");
                let has_body = rest.starts_with("transfer-encoding: ")
                    || length
                        .is_some_and(|length| length.bytes().any(|b| (b'1'..=b'9').contains(&b)));
                in_body |= has_body && !is_bodiless(vector, &verdict);
            }
            "data" => {
                in_body = true;
                data += unescaped(rest);
            }
            "end" => {
                verdict.bytes += std::mem::take(&mut data);
                in_body = false;
            }
            "closed" => verdict.end = End::Closed,
            "upgraded" => verdict.end = End::Upgraded(unescaped(rest)),
            "error" if in_body => verdict.end = End::RefusedInBody,
            "error" => {
                let status = rest.split(' ').next().and_then(|status| status.parse().ok());
                verdict.end = End::Refused(status.filter(|_| role == Role::Server));
            }
            _ => {}
        }
    }
    verdict
}

fn is_bodiless(vector: &Vector, verdict: &Verdict) -> bool {
    let head = vector.requests.first().is_some_and(|request| request.starts_with(b"HEAD "));
    let status = verdict.heads.last().map_or("", |head| head);
    head || matches!(status, "204" | "304") || status.starts_with('1')
}

fn unescaped(text: &str) -> usize {
    barewire_testkit::transcript::unescape(text).map_or(0, |bytes| bytes.len())
}
