//! What is no handshake, and records of each kind before, within and after one. The target makes the good part itself,
//! which is another one each time.

use std::io;
use std::path::Path;

use super::write_all;

pub fn write(corpus: &Path) -> io::Result<()> {
    let mut seeds = Vec::new();
    let wires: [(&str, &[u8]); 10] = [
        ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("ssh", b"SSH-2.0-OpenSSH\r\n"),
        ("hello-empty", b"\x16\x03\x01\0\x04\x01\0\0\0"),
        ("hello-cut", b"\x16\x03\x01\0\x10\x01\0"),
        ("finished", b"\x16\x03\x03\0\x05\x02\0\0\x01\0"),
        ("data", b"\x17\x03\x03\0\x05hello"),
        ("alert", b"\x15\x03\x03\0\x02\x02\x28"),
        ("close-notify", b"\x15\x03\x03\0\x02\x01\0"),
        ("change-cipher-spec", b"\x14\x03\x03\0\x01\x01"),
        ("too-long", b"\x17\x03\x03\xff\xff"),
    ];
    for (name, wire) in wires {
        // The first byte: how far the handshake goes, and in which pieces the rest comes.
        for (stage, pieces) in [(0u8, 63), (1, 63), (2, 1), (3, 63)] {
            let setup = stage | pieces << 2;
            seeds.push((format!("{name}-{stage}"), [&[setup], wire].concat()));
        }
    }
    write_all(&corpus.join("tls_server"), seeds)
}
