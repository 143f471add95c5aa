//! What the clients on tokio share.

use std::io;
use std::time::Instant;

use bench_turns::{Turns, failed};
use tokio::task::JoinHandle;

/// Takes all turns on tokio's current-thread runtime: one task for each request under way at once.
pub fn on_tokio<C, A, F>(turns: Turns, client: C, ask: A) -> io::Result<()>
where
    C: Clone + Send + 'static,
    A: Fn(C, String) -> F + Copy + Send + 'static,
    F: Future<Output = io::Result<()>> + Send,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    turns.take(|url, at_once, until| {
        runtime.block_on(async {
            let start = |_| {
                let (client, url) = (client.clone(), url.to_owned());
                tokio::spawn(async move {
                    let mut answers = 0_u64;
                    while Instant::now() < until {
                        ask(client.clone(), url.clone()).await?;
                        answers += 1;
                    }
                    Ok(answers)
                })
            };
            let tasks: Vec<JoinHandle<io::Result<u64>>> = (0..at_once).map(start).collect();
            let mut answers = 0;
            for task in tasks {
                answers += task.await.map_err(failed)??;
            }
            Ok(answers)
        })
    })
}
