//! What a connection did, as lines that a person can read and a vector can expect.

use std::fmt::{self, Write as _};

/// What a connection did, in order.
///
/// Data is kept as bytes and joined when nothing came between, so that a transcript does not depend on how
/// the input was split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Line(String),
    Data(Vec<u8>),
}

impl Transcript {
    /// Notes one event, written as a vector expects it.
    pub fn line(&mut self, line: impl AsRef<[u8]>) {
        self.0.push(Entry::Line(escape(line.as_ref().trim_ascii_end())));
    }

    /// Notes a part of a body.
    pub fn data(&mut self, bytes: &[u8]) {
        match self.0.last_mut() {
            Some(Entry::Data(data)) => data.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.0.push(Entry::Data(bytes.to_vec())),
        }
    }

    /// Notes that the connection was handed to another protocol, with what it had received by then.
    pub fn upgraded(&mut self, left_over: &[u8]) {
        self.0.push(Entry::Line(format!("upgraded {}", escape(left_over)).trim_end().to_owned()));
    }

    /// Notes everything that another transcript has.
    pub fn append(&mut self, other: Transcript) {
        for entry in other.0 {
            match entry {
                Entry::Data(data) => self.data(&data),
                line => self.0.push(line),
            }
        }
    }

    /// The lines, as a vector has them after `out: `.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|entry| match entry {
            Entry::Line(line) => line.clone(),
            Entry::Data(data) => format!("data {}", escape(data)),
        })
    }

    /// The last line, if there is one.
    pub fn last(&self) -> Option<String> {
        self.lines().last()
    }

    /// Takes the last entry off.
    pub fn pop(&mut self) -> Option<String> {
        let last = self.last();
        self.0.pop();
        last
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            if line.len() > 400 {
                let head: String = line.chars().take(200).collect();
                writeln!(f, "    {head}... ({} characters)", line.len())?;
            } else {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

/// Writes bytes as a vector does: `\r \n \t \0 \\ \xNN`, everything else as it is.
///
/// Spaces at the ends become `\x20`, since an editor might take them away.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for (i, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            0 => text.push_str("\\0"),
            b'\\' => text.push_str("\\\\"),
            b' ' if i == 0 || i + 1 == bytes.len() => text.push_str("\\x20"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// Reads what [`escape`] writes.
///
/// # Errors
///
/// The escape that is none, with what stands before it.
pub fn unescape(text: &str) -> Result<Vec<u8>, BadEscape> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let bad = || BadEscape { offset: text.len() - after.len() - 1 };
        let (&code, after) = rest.split_first().ok_or_else(bad)?;
        rest = after;
        bytes.push(match code {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => 0,
            b'\\' => b'\\',
            b'x' => {
                let digits = rest.get(..2).ok_or_else(bad)?;
                rest = &rest[2..];
                let digits = std::str::from_utf8(digits).map_err(|_| bad())?;
                u8::from_str_radix(digits, 16).map_err(|_| bad())?
            }
            _ => return Err(bad()),
        });
    }
    Ok(bytes)
}

/// A backslash that begins no escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEscape {
    /// Where the backslash stands, in bytes from the beginning of the text.
    pub offset: usize,
}

impl fmt::Display for BadEscape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no escape of \\r \\n \\t \\0 \\\\ \\xNN at byte {}", self.offset)
    }
}

impl std::error::Error for BadEscape {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_joined_until_something_comes_between() {
        let mut split = Transcript::default();
        split.data(b"hel");
        split.data(b"");
        split.data(b"lo");
        split.line("end");
        let mut whole = Transcript::default();
        whole.data(b"hello");
        whole.line("end");
        assert_eq!(split, whole);
        assert_eq!(split.lines().collect::<Vec<_>>(), ["data hello", "end"]);
    }

    #[test]
    fn an_empty_value_leaves_no_space_at_the_end() {
        let mut transcript = Transcript::default();
        transcript.line("header a: ");
        transcript.upgraded(b"");
        transcript.upgraded(b" x");
        let lines: Vec<_> = transcript.lines().collect();
        assert_eq!(lines, ["header a:", "upgraded", "upgraded \\x20x"]);
    }

    proptest::proptest! {
        #[test]
        fn escapes_are_undone(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            let text = escape(&bytes);
            assert_eq!(text.trim(), text);
            assert_eq!(unescape(&text), Ok(bytes));
        }
    }

    #[test]
    fn what_is_no_escape_is_refused() {
        assert_eq!(unescape("ab\\q"), Err(BadEscape { offset: 2 }));
        assert_eq!(unescape("\\x4"), Err(BadEscape { offset: 0 }));
        assert_eq!(unescape("\\xzz"), Err(BadEscape { offset: 0 }));
        assert_eq!(unescape("\\"), Err(BadEscape { offset: 0 }));
    }
}
