//! What comes on a TLS port that is not TLS, told by its first bytes.

/// What the first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Http,
    Other,
    Tls,
    /// More bytes are needed to tell.
    Unknown,
}

/// What a server tells who speaks HTTP in clear text to it.
pub(crate) const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
content-length: 53\r\nconnection: close\r\n\r\nThis port speaks HTTPS: begin the URL with https://\r\n";

const HTTP: &[&[u8]] = &[
    b"CONNECT ",
    b"DELETE ",
    b"GET ",
    b"HEAD ",
    b"HTTP/",
    b"OPTIONS ",
    b"PATCH ",
    b"POST ",
    b"PRI ",
    b"PUT ",
    b"TRACE ",
];

/// `ended`: nothing comes after these bytes. The answer does not depend on how they were split.
pub(crate) fn recognise(front: &[u8], ended: bool) -> Foreign {
    match front.first() {
        // The content types of RFC 8446, section 5.1, and the heartbeat of RFC 6520.
        Some(20..=24) => Foreign::Tls,
        Some(b'A'..=b'Z') => {
            if HTTP.iter().any(|word| front.starts_with(word)) {
                Foreign::Http
            } else if !ended && HTTP.iter().any(|word| word.starts_with(front)) {
                Foreign::Unknown
            } else {
                Foreign::Other
            }
        }
        Some(_) => Foreign::Other,
        None if ended => Foreign::Tls,
        None => Foreign::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_however_they_arrive() {
        for (front, expected) in [
            (&b"GET / HTTP/1.1\r\n"[..], Foreign::Http),
            (b"PRI * HTTP/2.0", Foreign::Http),
            (b"HTTP/1.1 400", Foreign::Http),
            (b"GETTING", Foreign::Other),
            (b"SSH-2.0-x", Foreign::Other),
            (b"\x16\x03\x01", Foreign::Tls),
            (b"\x80\x2e", Foreign::Other),
        ] {
            let known = (1..=front.len()).map(|n| recognise(&front[..n], false));
            let first = known.into_iter().find(|what| *what != Foreign::Unknown);
            assert_eq!(first, Some(expected), "{}", front.escape_ascii());
            assert_eq!(recognise(front, true), expected);
        }
        assert_eq!(recognise(b"OPTI", false), Foreign::Unknown);
        assert_eq!(recognise(b"OPTI", true), Foreign::Other);
    }

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
    }
}
