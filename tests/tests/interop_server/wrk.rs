//! wrk for load: bounded in time, and not one answer may be lost or wrong.

use barewire_tests::on_each_runtime;
use barewire_tests::process::{Finished, Process, Server, peer};

fn load(runtime: &str, arguments: &[&str]) {
    let Some(mut command) = peer::wrk() else { return };
    let server = Server::barewire(runtime, &["echo"]);
    // Other tests run beside this one on few cores: slow answers are not what is looked for.
    command
        .args(["--threads", "2", "--connections", "64", "--timeout", "60s"])
        .arg(server.url("/hello"))
        .args(arguments);
    let finished = Process::spawn(&mut command).finish().expect_success();
    assert!(requests_in(&finished) > 0, "no request was answered: {finished}");
    // wrk prints these lines only when there is something to report.
    for complaint in ["Non-2xx", "Socket errors"] {
        assert!(!finished.text().contains(complaint), "{finished}");
    }
}

/// From the line `  12345 requests in 2.00s, 1.23MB read`.
fn requests_in(finished: &Finished) -> u64 {
    let line = finished.text().lines().find(|line| line.contains(" requests in "));
    let count =
        line.and_then(|line| line.split_whitespace().next()).and_then(|count| count.parse().ok());
    count.unwrap_or_else(|| panic!("wrk reports no requests: {finished}"))
}

fn keep_alive(runtime: &str) {
    load(runtime, &["--duration", "2s"]);
}

fn pipelined_by_16(runtime: &str) {
    let script = peer::interop_dir().join("pipeline.lua");
    load(
        runtime,
        &["--duration", "1s", "--script", script.to_str().expect("the checkout's path is UTF-8")],
    );
}

on_each_runtime!(keep_alive, pipelined_by_16);
