//! What a server says of its requests: nothing, unless it is asked to.

use barewire_tests::exchange::exchange;
use barewire_tests::on_each_runtime;
use barewire_tests::process::{Server, Signal};

fn said_of_two_requests(runtime: &str, arguments: &[&str]) -> String {
    let server = Server::barewire(runtime, arguments);
    assert_eq!(exchange(server.addr(), "GET /hello?q=1 HTTP/1.1").status, 200);
    assert_eq!(exchange(server.addr(), "POST /status/404 HTTP/1.1\nContent-Length: 0").status, 404);
    server.process().signal(Signal::TERM);
    server.finish().expect_success().stderr
}

fn quiet_by_default(runtime: &str) {
    assert_eq!(said_of_two_requests(runtime, &["echo"]), "");
}

fn a_line_for_each_request(runtime: &str) {
    let said = said_of_two_requests(runtime, &["echo", "-v"]);
    let lines: Vec<_> = said.lines().filter(|line| line.contains("method=")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    for (line, words) in
        lines.iter().zip([["GET", "/hello?q=1", "200"], ["POST", "/status/404", "404"]])
    {
        for word in words {
            assert!(line.contains(word), "{word}: {said}");
        }
    }
    assert!(!said.contains('\x1b'), "no colours where there is no terminal: {said}");
}

on_each_runtime!(a_line_for_each_request, quiet_by_default);
