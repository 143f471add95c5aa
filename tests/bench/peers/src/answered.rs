use std::io;
use std::mem::MaybeUninit;

const INPUT: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;

/// What the floors with httparse keep of a connection, and all that they do with what it sends.
#[derive(Debug)]
pub struct Answered<'a> {
    answer: &'a [u8],
    input: Vec<u8>,
    filled: usize,
    output: Vec<u8>,
}

impl<'a> Answered<'a> {
    /// A connection on which each request gets this answer.
    pub fn new(answer: &'a [u8]) -> Self {
        Self { answer, input: vec![0; INPUT], filled: 0, output: Vec::with_capacity(4 * 1024) }
    }

    /// Where to receive to.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.input[self.filled..]
    }

    /// Parses the heads that are whole now that so many bytes came, and returns the answers to them.
    ///
    /// # Errors
    ///
    /// httparse refuses a head.
    pub fn answer(&mut self, received: usize) -> io::Result<&[u8]> {
        self.filled += received;
        self.output.clear();
        let mut parsed = 0;
        while let Some(length) = head_length(&self.input[parsed..self.filled])? {
            parsed += length;
            self.output.extend_from_slice(self.answer);
        }
        self.input.copy_within(parsed..self.filled, 0);
        self.filled -= parsed;
        Ok(&self.output)
    }
}

fn head_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    match httparse::Request::new(&mut []).parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}
