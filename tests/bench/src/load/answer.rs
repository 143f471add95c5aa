use std::ops::Range;

use super::LoadError;

/// Checks that answers have status 200 and the body that was asked for.
///
/// An answer is parsed only when it differs from the one before it in more than its date: so the
/// generator costs less than the servers it measures.
#[derive(Debug)]
pub(crate) struct Checker {
    body: &'static [u8],
    /// The head of the last answer that was parsed.
    head: Vec<u8>,
    /// Where its date stands; empty at its end if there is none.
    date: Range<usize>,
}

impl Checker {
    pub(crate) fn new(body: &'static [u8]) -> Self {
        Self { body, head: Vec::new(), date: 0..0 }
    }

    /// The length of the answer at the start of `bytes`, or `None` while it is not there whole.
    pub(crate) fn check(&mut self, bytes: &[u8]) -> Result<Option<usize>, LoadError> {
        if !self.has_the_known_head(bytes) {
            match head(bytes)? {
                None => return Ok(None),
                Some((_, length)) if length != self.body.len() as u64 => {
                    return Err(LoadError::Body);
                }
                Some((length, _)) => self.learn(&bytes[..length]),
            }
        }
        let length = self.head.len() + self.body.len();
        match bytes.get(self.head.len()..length) {
            None => Ok(None),
            Some(body) if body == self.body => Ok(Some(length)),
            Some(_) => Err(LoadError::Body),
        }
    }

    fn has_the_known_head(&self, bytes: &[u8]) -> bool {
        let Range { start, end } = self.date;
        !self.head.is_empty()
            && bytes.starts_with(&self.head[..start])
            && bytes.get(end..self.head.len()).is_some_and(|rest| rest == &self.head[end..])
    }

    fn learn(&mut self, head: &[u8]) {
        self.head = head.to_vec();
        let lowered = head.to_ascii_lowercase();
        self.date = match memchr::memmem::find(&lowered, b"\r\ndate: ") {
            Some(start) => start..start + b"\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT".len(),
            None => head.len()..head.len(),
        };
        self.date.end = self.date.end.min(head.len());
    }
}

/// The length of the head at the start of `bytes` and the length of the body that it declares, or
/// `None` while the head is not there whole.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<(usize, u64)>, LoadError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes).map_err(LoadError::Malformed)? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(length) => length,
    };
    match response.code {
        Some(200) => {}
        status => return Err(LoadError::Status(status.unwrap_or(0))),
    }
    let mut headers = response.headers.iter();
    let declared = headers.find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let declared = declared.and_then(|header| str::from_utf8(header.value).ok()?.parse().ok());
    declared.map(|declared| Some((length, declared))).ok_or(LoadError::NoLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    #[test]
    fn every_prefix_waits_for_more() {
        let mut checker = Checker::new(b"ok");
        for end in 0..ANSWER.len() {
            assert!(checker.check(&ANSWER[..end]).unwrap().is_none());
        }
        assert_eq!(checker.check(ANSWER).unwrap(), Some(ANSWER.len()));
        for end in 0..ANSWER.len() {
            assert!(checker.check(&ANSWER[..end]).unwrap().is_none());
        }
    }

    #[test]
    fn the_second_answer_is_checked_too() {
        let refused: [(&[u8], &str); 4] = [
            (b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nok", "Status(500)"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nko", "Body"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok!", "Body"),
            (b"HTTP/1.1 200 OK\r\nx-content-leng: 2\r\n\r\nok", "NoLength"),
        ];
        for (answer, expected) in refused {
            let mut checker = Checker::new(b"ok");
            checker.check(ANSWER).unwrap();
            assert_eq!(format!("{:?}", checker.check(answer).unwrap_err()), expected);
        }
    }

    #[test]
    fn the_date_may_differ() {
        let answer = |second| {
            let date = format!("Sun, 06 Nov 1994 08:49:{second} GMT");
            format!("HTTP/1.1 200 OK\r\nDate: {date}\r\ncontent-length: 2\r\n\r\nok")
        };
        let mut checker = Checker::new(b"ok");
        checker.check(answer(10).as_bytes()).unwrap();
        assert!(checker.has_the_known_head(answer(11).as_bytes()));
    }

    #[test]
    fn a_head_of_another_length_is_learnt() {
        let mut checker = Checker::new(b"ok");
        checker.check(ANSWER).unwrap();
        let longer = b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(checker.check(longer).unwrap(), Some(longer.len()));
    }
}
