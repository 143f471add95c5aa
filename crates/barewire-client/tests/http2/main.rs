//! HTTP/2 against servers made of this project's own state machine, on a runtime that waits and on one that
//! blocks.
#![cfg(feature = "http2")]

mod bodies;
mod both_ways;
mod ends;
mod peer;
mod share;
mod single;
mod sleepless;
mod waits;

use barewire_client::{Client, Error, Response};
use barewire_rt::Spawn;
use barewire_smol::Smol;
use barewire_std::Std;

/// Runs a test that is generic over the runtime on each of them.
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {
        mod on_smol {
            $(#[test] fn $name() { super::$name(crate::smol()); })*
        }
        mod on_async_std {
            $(#[test] fn $name() { super::$name(barewire_async_std::AsyncStd::default()); })*
        }
        mod on_std {
            $(#[test] fn $name() { super::$name(crate::threads()); })*
        }
    };
}

pub(crate) use on_each_runtime;

fn smol() -> Smol {
    Smol::default()
}

fn threads() -> Std {
    Std::default()
}

fn client<R: Spawn>(runtime: R) -> Client<R> {
    Client::builder(runtime).http2_prior_knowledge().build()
}

/// Sends GET requests at once, each in a task of its own, and waits for the heads of their responses.
async fn at_once<R: Spawn>(client: &Client<R>, urls: Vec<String>) -> Vec<Result<Response, Error>> {
    let tasks: Vec<_> = urls
        .into_iter()
        .map(|url| {
            let client = client.clone();
            client.runtime().clone().spawn(async move { client.get(url).send().await })
        })
        .collect();
    let mut responses = Vec::new();
    for task in tasks {
        responses.push(task.await.unwrap());
    }
    responses
}
