//! The requests that are measured with.

use std::fmt::Write;

use clap::ValueEnum;

/// The head that a request is sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Head {
    /// About 40 bytes: the request line and `host`, as wrk sends it.
    Small,
    /// About 700 bytes in 12 headers, as a browser sends it.
    Browser,
}

pub(crate) const BROWSER_HEADERS: [(&str, &str); 11] = [
    ("connection", "keep-alive"),
    ("cache-control", "max-age=0"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/140.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://www.example.com/catalogue/books/?sort=published&direction=descending"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8,fr;q=0.7"),
    (
        "cookie",
        "session=7b0e6a5e9d4f4c2b8a1d3c5e7f9b1d3a; theme=dark; consent=functional.statistics; \
         basket=3; seen=1f3a5c7e9b2d4f6a8c0e1b3d5f7a",
    ),
];

/// A complete GET request for `path`.
pub(crate) fn get(head: Head, host: &str, path: &str) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n");
    if head == Head::Browser {
        for (name, value) in BROWSER_HEADERS {
            // Writing to a string cannot fail.
            let _ = write!(request, "{name}: {value}\r\n");
        }
    }
    request.push_str("\r\n");
    request.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_have_the_sizes_they_are_named_for() {
        assert!((38..48).contains(&get(Head::Small, "127.0.0.1:40000", "/").len()));
        assert_eq!(get(Head::Browser, "www.example.com", "/").len(), 700);
    }
}
