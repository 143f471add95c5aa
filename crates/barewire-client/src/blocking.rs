//! The client without async: the same names, and calls that return when they are done.
//!
//! Over a runtime whose sockets block, such as that of `barewire-std`, everything happens on the calling
//! thread. Over any other one the thread is parked while the runtime's reactor waits. A client may be used
//! by many threads at once.
//!
//! ```
//! use barewire_client::blocking::Client;
//! use barewire_std::Std;
//! use std::io::Read;
//! # use std::io::Write;
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("http://{}/", listener.local_addr()?);
//! # std::thread::spawn(move || -> std::io::Result<()> {
//! #     let (mut stream, _) = listener.accept()?;
//! #     stream.read(&mut [0; 1024])?;
//! #     stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello")
//! # });
//!
//! let client = Client::new(Std::default());
//! let mut response = client.get(&url).send()?;
//! let mut text = String::new();
//! response.read_to_string(&mut text)?;
//! assert_eq!(text, "Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod request;
mod response;

pub use client::{Client, ClientBuilder};
pub use request::RequestBuilder;
pub use response::{Chunks, Response};
