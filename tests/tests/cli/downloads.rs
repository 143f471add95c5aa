//! Files that are larger than what `serve` reads at once.

use std::fs::File;
use std::io::Read;

use barewire_tests::exchange::{Connection, exchange};
use barewire_tests::on_each_runtime;
use barewire_tests::process::Server;
use barewire_tests::scratch::{Scratch, noise};

const LEN: usize = 3_000_000;

fn site(runtime: &str) -> (Scratch, Server, Vec<u8>) {
    let scratch = Scratch::new();
    let content = noise(LEN);
    scratch.write("large.bin", &content);
    let server = Server::barewire(runtime, &["serve".as_ref(), scratch.path().as_os_str()]);
    (scratch, server, content)
}

fn whole_and_in_part(runtime: &str) {
    let (_scratch, server, content) = site(runtime);
    let whole = exchange(server.addr(), "GET /large.bin HTTP/1.1");
    assert!(whole.body == content, "{} bytes, not the file's", whole.body.len());
    for (range, start, end) in [
        ("0-999999", 0, 1_000_000),
        ("131071-131073", 131_071, 131_074),
        ("100000-2999999", 100_000, LEN),
        ("-131073", LEN - 131_073, LEN),
    ] {
        let answer =
            exchange(server.addr(), &format!("GET /large.bin HTTP/1.1\nRange: bytes={range}"));
        assert_eq!(answer.status, 206, "{answer:?}");
        assert!(answer.body == content[start..end], "{range}: {} bytes", answer.body.len());
    }
}

fn several_parts(runtime: &str) {
    let (_scratch, server, content) = site(runtime);
    let range = "Range: bytes=0-9,1000000-1999999,-5";
    let answer = exchange(server.addr(), &format!("GET /large.bin HTTP/1.1\n{range}"));
    assert_eq!(answer.status, 206, "{answer:?}");
    assert_eq!(answer.header("content-range"), None, "it is in each part: {answer:?}");
    let content_type = answer.header("content-type").unwrap_or_default();
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=");
    let boundary = boundary.unwrap_or_else(|| panic!("{answer:?}"));

    let mut expected = Vec::new();
    for (start, end) in [(0, 10), (1_000_000, 2_000_000), (LEN - 5, LEN)] {
        let head = format!(
            "--{boundary}\r\nContent-Type: application/octet-stream\r\n\
             Content-Range: bytes {start}-{}/{LEN}\r\n\r\n",
            end - 1
        );
        expected.extend(head.into_bytes());
        expected.extend(&content[start..end]);
        expected.extend(b"\r\n");
    }
    expected.extend(format!("--{boundary}--\r\n").into_bytes());
    assert!(answer.body == expected, "{answer:?}");
}

fn a_file_that_shrinks_is_no_whole_answer(runtime: &str) {
    const HUGE: u64 = 256 * 1024 * 1024;
    let scratch = Scratch::new();
    let path = scratch.write("sparse.bin", "");
    let file = File::options().write(true).open(path).expect("it is ours");
    file.set_len(HUGE).expect("it is ours");
    let server = Server::barewire(runtime, &["serve".as_ref(), scratch.path().as_os_str()]);

    let mut connection = Connection::open(server.addr());
    connection.send("GET /sparse.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    let length = connection.head().header("content-length").map(str::to_owned);
    assert_eq!(length, Some(HUGE.to_string()));
    // More than fits between the two is on its way only once it is read.
    file.set_len(0).expect("it is ours");
    let mut received = 0;
    let mut stream = connection.writer();
    let mut buffer = vec![0; 1024 * 1024];
    // The end may be an orderly one or a reset: what counts is that the length gives it away.
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        received += n as u64;
    }
    assert!(received < HUGE, "the rest is made up");
    assert_eq!(exchange(server.addr(), "GET /sparse.bin HTTP/1.1").body, b"");
}

on_each_runtime!(a_file_that_shrinks_is_no_whole_answer, several_parts, whole_and_in_part);
