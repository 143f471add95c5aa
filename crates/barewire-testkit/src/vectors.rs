//! The format of the tables under `tests/vectors/`.
//!
//! Blocks are separated by blank lines; a line that begins with `#` is a comment. A block is made of:
//!
//! ```text
//! name: te-and-cl                   unique, kebab-case
//! rfc: 9112 6.1                     the section that decides
//! set: leniency.bare_lf=true        a field of the configuration, any number of times
//! request: GET / HTTP/1.1           for clients: what was asked before, any number of times
//! in: GET / HTTP/1.1\r\n            bytes, with the escapes \r \n \t \0 \\ \xNN; joined
//! in*300: a                         the same, 300 times over
//! eof                               the end of file follows the bytes
//! out: request GET / HTTP/1.1       an event; what they are called is the protocol's choice
//! out: data hello                   bytes of a body; joined when nothing comes between
//! out: data*300 a                   the same, 300 times over
//! out: closed                       the end; `error ...` and `upgraded LEFT-OVER` are the others
//! ```
//!
//! White space around a value does not count: write `\x20` where it does.

use std::collections::HashSet;
use std::path::Path;
use std::{fmt, fs, io};

use crate::Transcript;
use crate::transcript::{BadEscape, unescape};

/// One row of a table: what comes in, and what has to follow.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Its name, unique in the table.
    pub name: String,
    /// The section that decides, such as `9112 6.1`.
    pub rfc: String,
    /// Fields of the configuration that differ from the default, with their values.
    pub settings: Vec<(String, String)>,
    /// What a client had asked before: a request line, and fields after `\r\n`, where the vector needs them.
    pub requests: Vec<Vec<u8>>,
    /// What the peer sends.
    pub input: Vec<u8>,
    /// Whether the peer then closes.
    pub eof: bool,
    /// What has to happen.
    pub expected: Transcript,
    /// Where it stands: `file:line`.
    pub at: String,
}

impl Vector {
    /// How the connection ends: the last line, if it is `closed`, an `error` or `upgraded`.
    pub fn end(&self) -> Option<String> {
        self.expected.last().filter(|line| is_end(line))
    }
}

/// Reads all tables of a folder, in the order of their names.
///
/// # Errors
///
/// The first file that cannot be read, or the first line that is not of the format.
pub fn load(folder: impl AsRef<Path>) -> Result<Vec<Vector>, LoadError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(LoadError::Read)? {
        let path = entry.map_err(LoadError::Read)?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut vectors = Vec::new();
    let mut names = HashSet::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(LoadError::Read)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        for vector in parse(&text, &file).map_err(LoadError::Parse)? {
            if !names.insert(vector.name.clone()) {
                return Err(LoadError::Parse(ParseError {
                    at: vector.at,
                    reason: Reason::DuplicateName,
                }));
            }
            vectors.push(vector);
        }
    }
    Ok(vectors)
}

/// Reads one table. `file` is for messages only.
///
/// # Errors
///
/// The first line that is not of the format.
pub fn parse(text: &str, file: &str) -> Result<Vec<Vector>, ParseError> {
    let mut vectors = Vec::new();
    let mut block: Option<Vector> = None;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        let at = format!("{file}:{number}");
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            finish(&mut block, &mut vectors)?;
            continue;
        }
        let vector = block.get_or_insert_with(|| Vector {
            name: String::new(),
            rfc: String::new(),
            settings: Vec::new(),
            requests: Vec::new(),
            input: Vec::new(),
            eof: false,
            expected: Transcript::default(),
            at: at.clone(),
        });
        read_line(vector, line).map_err(|reason| ParseError { at, reason })?;
    }
    finish(&mut block, &mut vectors)?;
    Ok(vectors)
}

fn finish(block: &mut Option<Vector>, vectors: &mut Vec<Vector>) -> Result<(), ParseError> {
    let Some(vector) = block.take() else { return Ok(()) };
    let reason = if vector.name.is_empty() {
        Reason::Missing("name")
    } else if vector.rfc.is_empty() {
        Reason::Missing("rfc")
    } else if vector.input.is_empty() && !vector.eof {
        Reason::Missing("in")
    } else {
        vectors.push(vector);
        return Ok(());
    };
    Err(ParseError { at: vector.at, reason })
}

fn read_line(vector: &mut Vector, line: &str) -> Result<(), Reason> {
    if line == "eof" {
        vector.eof = true;
        return Ok(());
    }
    let (key, value) = line.split_once(':').ok_or(Reason::NoColon)?;
    let value = value.trim();
    let (key, times) = repeated(key)?;
    if times != 1 && key != "in" {
        return Err(Reason::BadRepeat);
    }
    if vector.eof && key == "in" {
        return Err(Reason::AfterEnd);
    }
    match key {
        "name" => {
            let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if !vector.name.is_empty() || !value.bytes().all(kebab) {
                return Err(Reason::BadName);
            }
            value.clone_into(&mut vector.name);
        }
        "rfc" => value.clone_into(&mut vector.rfc),
        "set" => {
            let (field, value) = value.split_once('=').ok_or(Reason::BadSetting)?;
            vector.settings.push((field.trim().to_owned(), value.trim().to_owned()));
        }
        "request" => vector.requests.push(unescape(value)?),
        "in" => vector.input.extend(unescape(value)?.repeat(times)),
        "out" => expect(vector, value)?,
        _ => return Err(Reason::UnknownKey),
    }
    Ok(())
}

fn expect(vector: &mut Vector, value: &str) -> Result<(), Reason> {
    if vector.end().is_some() {
        return Err(Reason::AfterEnd);
    }
    let (verb, rest) = value.split_once(' ').unwrap_or((value, ""));
    let (verb, times) = repeated(verb)?;
    if times != 1 && verb != "data" {
        return Err(Reason::BadRepeat);
    }
    let bytes = unescape(rest.trim())?;
    match verb {
        "data" => vector.expected.data(&bytes.repeat(times)),
        "upgraded" => vector.expected.upgraded(&bytes),
        _ => vector.expected.line([verb.as_bytes(), b" ", &bytes].concat()),
    }
    Ok(())
}

fn repeated(key: &str) -> Result<(&str, usize), Reason> {
    match key.split_once('*') {
        None => Ok((key, 1)),
        Some((key, times)) => Ok((key, times.parse().map_err(|_| Reason::BadRepeat)?)),
    }
}

fn is_end(line: &str) -> bool {
    let verb = line.split(' ').next().unwrap_or_default();
    matches!(verb, "closed" | "error" | "upgraded")
}

/// Why a folder of tables could not be read.
#[derive(Debug)]
pub enum LoadError {
    /// A file could not be read.
    Read(io::Error),
    /// A line is not of the format.
    Parse(ParseError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "a table cannot be read: {error}"),
            Self::Parse(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}

/// Which line is not of the format, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// `file:line`.
    pub at: String,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Something follows the line that has to be the last of its kind.
    AfterEnd,
    /// An escape that is none.
    BadEscape(BadEscape),
    /// A name that is not kebab-case, or the second of a block.
    BadName,
    /// A count that is no number, or on a key that cannot be repeated.
    BadRepeat,
    /// A setting without `=`.
    BadSetting,
    /// Two vectors have this name.
    DuplicateName,
    /// A block lacks this key.
    Missing(&'static str),
    /// A line without a colon.
    NoColon,
    /// A key that the format does not have.
    UnknownKey,
}

impl From<BadEscape> for Reason {
    fn from(error: BadEscape) -> Self {
        Self::BadEscape(error)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        match self.reason {
            Reason::AfterEnd => f.write_str("this has to come before the end"),
            Reason::BadEscape(error) => error.fmt(f),
            Reason::BadName => f.write_str("a block has one name, in kebab-case"),
            Reason::BadRepeat => f.write_str("only `in` and `out: data` take a count"),
            Reason::BadSetting => f.write_str("a setting has the form field=value"),
            Reason::DuplicateName => f.write_str("another vector has this name"),
            Reason::Missing(key) => write!(f, "the block that begins here lacks `{key}`"),
            Reason::NoColon => f.write_str("a line has the form key: value"),
            Reason::UnknownKey => f.write_str("no such key"),
        }
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
# What is said here does not count.
name: a-1
rfc: 9112 6.1
set: limits.max_head=100
in: GET / HTTP/1.1\\r\\n
in*3: ab
eof
out: request GET / HTTP/1.1
out: header x:
out: data*2 ab
# Comments may stand inside of a block.
out: data \\x20
out: error 400 BadHost

name: b
rfc: 9110 7.8
request: GET / HTTP/1.1\\r\\nupgrade: test
in: x
out: upgraded left\\r
";

    #[test]
    fn a_table_is_read() {
        let vectors = parse(TABLE, "t").expect("the table is of the format");
        let [a, b] = &vectors[..] else { panic!("two vectors, not {}", vectors.len()) };
        assert_eq!(a.input, b"GET / HTTP/1.1\r\nababab");
        assert!(a.eof);
        assert_eq!(a.settings, [("limits.max_head".to_owned(), "100".to_owned())]);
        let lines: Vec<_> = a.expected.lines().collect();
        assert_eq!(
            lines,
            ["request GET / HTTP/1.1", "header x:", "data abab\\x20", "error 400 BadHost"]
        );
        assert_eq!(a.end().as_deref(), Some("error 400 BadHost"));
        assert_eq!(b.requests, [b"GET / HTTP/1.1\r\nupgrade: test".to_vec()]);
        assert_eq!((b.at.as_str(), b.end().as_deref()), ("t:15", Some("upgraded left\\r")));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let reason = |text| parse(text, "t").map(|_| ()).map_err(|e| (e.at, e.reason));
        let at = |line: u32, reason| Err((format!("t:{line}"), reason));
        assert_eq!(reason("name: a\nrfc: 1\nin x"), at(3, Reason::NoColon));
        assert_eq!(reason("name: A"), at(1, Reason::BadName));
        assert_eq!(reason("\nname: a\nin: x"), at(2, Reason::Missing("rfc")));
        assert_eq!(reason("in*x: a"), at(1, Reason::BadRepeat));
        assert_eq!(reason("rfc*2: a"), at(1, Reason::BadRepeat));
        assert_eq!(reason("eof\nin: a"), at(2, Reason::AfterEnd));
        assert_eq!(reason("out: closed\nout: end"), at(2, Reason::AfterEnd));
        assert_eq!(reason("set: a"), at(1, Reason::BadSetting));
        assert_eq!(reason("sett: a=1"), at(1, Reason::UnknownKey));
        let bad = Reason::BadEscape(BadEscape { offset: 1 });
        assert_eq!(reason("in: a\\y"), at(1, bad));
    }
}
