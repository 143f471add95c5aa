//! A future may be dropped at any of its awaits: the next one goes on where it was, and nothing is lost.
//!
//! On std most futures are ready when they are first polled: what can be dropped there is a driver's, which
//! waits in steps, and those that wait for another thread.

mod bodies;
mod drivers;
mod requests;
mod sockets;

pub(crate) use bodies::*;
pub(crate) use drivers::*;
pub(crate) use requests::*;
pub(crate) use sockets::*;

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::Receiver;

/// Sends a piece for each message.
fn trickle(stream: &mut TcpStream, bytes: &[u8], size: usize, paces: &Receiver<()>) {
    stream.set_nodelay(true).unwrap();
    for piece in bytes.chunks(size) {
        paces.recv().unwrap();
        stream.write_all(piece).unwrap();
    }
}
