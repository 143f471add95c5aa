//! actix-web with one worker.
//!
//! Its keep-alive of 5 seconds is raised: connections are idle while the other servers are measured.

use std::io;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use bench_peers::HELLO;

const KEEP_ALIVE: Duration = Duration::from_secs(600);

#[actix_web::main]
async fn main() -> io::Result<()> {
    let listener = bench_peers::listen()?;
    HttpServer::new(|| App::new().route("/", web::get().to(async || HELLO)))
        .workers(1)
        .keep_alive(KEEP_ALIVE)
        .tcp_nodelay(true)
        .listen(listener)?
        .run()
        .await
}
