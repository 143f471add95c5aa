use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use super::answer::Checker;
use super::{LoadError, PATIENCE};

/// Connections from one source address, well below the usual range of ephemeral ports.
const PER_SOURCE: usize = 20_000;

/// One kept-alive connection.
///
/// Its socket blocks; it is read only when epoll has told that there is something to read.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    in_flight: u32,
    /// The beginning of an answer that came in two reads.
    partial: Vec<u8>,
}

impl Connection {
    pub(super) fn open(target: SocketAddr, number: usize) -> Result<Self, LoadError> {
        let stream =
            dial(target, number).map_err(|source| LoadError::Connect { number, source })?;
        Ok(Self { stream, in_flight: 0, partial: Vec::new() })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) fn send(&mut self, batch: &[u8], depth: u32) -> Result<(), LoadError> {
        self.stream.write_all(batch)?;
        self.in_flight += depth;
        Ok(())
    }

    /// Reads once and returns the number of answers that are complete now.
    pub(super) fn receive(
        &mut self,
        buffer: &mut [u8],
        checker: &mut Checker,
    ) -> Result<u64, LoadError> {
        let received = self.stream.read(buffer)?;
        if received == 0 {
            return Err(LoadError::Closed);
        }
        let mut bytes = &buffer[..received];
        let joined;
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.partial);
            bytes = &joined;
        }
        let mut answers = 0;
        while self.in_flight > 0 {
            let Some(length) = checker.check(bytes)? else { break };
            bytes = &bytes[length..];
            self.in_flight -= 1;
            answers += 1;
        }
        if !bytes.is_empty() {
            if self.in_flight == 0 {
                return Err(LoadError::Surplus);
            }
            self.partial = bytes.to_vec();
        }
        Ok(answers)
    }
}

/// A blocking connection for the transfers.
pub(crate) fn transfer_connection(target: SocketAddr) -> Result<TcpStream, LoadError> {
    dial(target, 0).map_err(|source| LoadError::Connect { number: 0, source })
}

pub(super) fn dial(target: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let stream = match u8::try_from(number / PER_SOURCE) {
        Ok(0) | Err(_) => TcpStream::connect(target)?,
        Ok(further) => {
            let source = Ipv4Addr::new(127, 0, 1, further);
            let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            bind(&socket, &SocketAddrV4::new(source, 0))?;
            connect(&socket, &target)?;
            socket.into()
        }
    };
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
