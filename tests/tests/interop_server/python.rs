//! Python's client libraries. The checks themselves are in `tests/interop/client_*.py`.

use barewire_tests::on_each_runtime;
use barewire_tests::process::{Process, Server, peer};

fn check_with(script: &str, modules: &[&str], runtime: &str) {
    let Some(mut command) = peer::python(script, modules) else { return };
    let server = Server::barewire(runtime, &["echo"]);
    Process::spawn(command.arg(server.url(""))).finish().expect_success();
}

fn urllib(runtime: &str) {
    check_with("client_urllib.py", &[], runtime);
}

fn requests(runtime: &str) {
    check_with("client_requests.py", &["requests"], runtime);
}

fn aiohttp(runtime: &str) {
    check_with("client_aiohttp.py", &["aiohttp"], runtime);
}

fn httpx_sync(runtime: &str) {
    check_with("client_httpx_sync.py", &["httpx"], runtime);
}

fn httpx_async(runtime: &str) {
    check_with("client_httpx_async.py", &["httpx"], runtime);
}

on_each_runtime!(urllib, requests, aiohttp, httpx_sync, httpx_async);
