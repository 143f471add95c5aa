//! Where servers listen, and what they speak there.

use barewire_tests::exchange::exchange;
use barewire_tests::on_each_runtime;
use barewire_tests::process::{Server, barewire};

fn names(runtime: &str) {
    let arguments = ["echo", "--runtime", runtime, "--bind", "localhost:0"];
    let server = Server::start(&mut barewire(&arguments));
    assert_eq!(exchange(server.addr(), "GET /hello HTTP/1.1").text(), "Hello, World!");
}

on_each_runtime!(names);
