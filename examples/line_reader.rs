//! Reading a stream by lines, up to a separator, and by exact numbers of bytes.
//!
//! | asyncio                     | here                                    |
//! |-----------------------------|-----------------------------------------|
//! | `open_connection`           | `TcpStream::connect`, `split`           |
//! | `start_server`              | `TcpListener::bind`, `accept`, `spawn`  |
//! | `reader.readline()`         | `BufReader::read_line`, `lines`         |
//! | `reader.readuntil(b";")`    | `BufReader::read_until`                 |
//! | `reader.readexactly(n)`     | `read_exact`                            |
//! | `reader.read()`             | `read_to_end`                           |
//! | `writer.write`, `drain`     | `write_all`                             |
//! | `writer.write_eof()`        | `close` of the writing half             |
//! | `wait_for(…, timeout)`      | `or` with `sleep`                       |

use std::io;

use barewire::rt::{Listener, PeerAddr, Runtime};
use barewire::smol::{Smol, TcpStream};
use futures_lite::StreamExt;
use futures_lite::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// Answers each line in capitals; after an empty line says how many there were.
async fn shout(stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    let mut count = 0;
    while let Some(line) = lines.next().await {
        let line = line?;
        if line.is_empty() {
            break;
        }
        count += 1;
        writer.write_all(format!("{}\n", line.to_uppercase()).as_bytes()).await?;
    }
    writer.write_all(format!("lines={count};bye").as_bytes()).await?;
    writer.close().await
}

fn main() -> io::Result<()> {
    let runtime = Smol::default();
    runtime.block_on(async {
        let listener = runtime.listen_tcp(([127, 0, 0, 1], 0).into(), &Default::default())?;
        let PeerAddr::Tcp(addr) = listener.local_addr()? else { unreachable!("it is TCP") };
        let server = runtime.spawn(async move {
            let (stream, _) = listener.accept().await?;
            shout(stream).await
        });

        let (reader, mut writer) = TcpStream::connect(addr, None).await?.split();
        let mut reader = BufReader::new(reader);
        writer.write_all(b"one\ntwo\n\n").await?;

        let mut line = String::new();
        reader.read_line(&mut line).await?;
        println!("a line: {}", line.trim_end());

        let mut four = [0; 4];
        reader.read_exact(&mut four).await?;
        println!("four bytes: {:?}", String::from_utf8_lossy(&four));

        let mut count = Vec::new();
        reader.read_until(b';', &mut count).await?;
        println!("up to a semicolon: {}", String::from_utf8_lossy(&count));

        let mut rest = String::new();
        reader.read_to_string(&mut rest).await?;
        println!("the rest: {rest}");
        server.await.map_err(io::Error::other)?
    })
}
