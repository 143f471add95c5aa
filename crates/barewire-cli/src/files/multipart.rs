//! `multipart/byteranges` (RFC 9110, section 14.6). No I/O.

use std::ops::Range;

use barewire::bytes::Bytes;

use super::body::Segment;

/// The body of a response with several ranges of a representation of `len` bytes.
///
/// `boundary` must not occur in the representation, and who wrote it must not be able to know it.
pub(crate) fn segments(
    parts: &[Range<u64>],
    len: u64,
    content_type: &str,
    boundary: &str,
) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(2 * parts.len() + 1);
    let mut separator = "";
    for part in parts {
        let head = format!(
            "{separator}--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {}\r\n\r\n",
            content_range(part, len)
        );
        segments.push(Segment::Bytes(Bytes::from(head)));
        segments.push(Segment::File(part.clone()));
        separator = "\r\n";
    }
    segments.push(Segment::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    segments
}

/// The field value of `Content-Range` for a range that is not empty.
pub(crate) fn content_range(part: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", part.start, part.end.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_their_order() {
        let shown: String = segments(&[5..7, 0..1], 26, "text/plain", "XX")
            .iter()
            .map(|segment| match segment {
                Segment::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Segment::File(range) => format!("[{range:?}]"),
            })
            .collect();
        assert_eq!(
            shown,
            "--XX\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/26\r\n\r\n[5..7]\r\n\
             --XX\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-0/26\r\n\r\n[0..1]\r\n\
             --XX--\r\n"
        );
    }
}
