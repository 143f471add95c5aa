//! hyper's HTTP/2 server connection over a transport in memory: it and the streams' futures are polled by hand.

use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use bytes::BytesMut;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;

use super::case::{Case, HTTP2_BROWSER, HTTP2_SMALL, Work, repeat};
use super::http2::{Client, browser_fields};
use super::hyper::{Plumbing, Wire, Woken, hello};
use super::messages;

const NAME: &str = "hyper";
const REQUESTS: usize = 32;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(HTTP2_SMALL, NAME, || serving(&[])),
        Case::new(HTTP2_BROWSER, NAME, || serving(&browser_fields())),
    ]
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The futures of streams that are not answered yet.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<Vec<Task>>>);

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.0.borrow_mut().push(Box::pin(future));
    }
}

/// Each run hands so many requests over and polls until all are answered.
fn serving(fields: &[(&'static str, &'static str)]) -> Work {
    let mut client = Client::new(fields);
    let wire = Rc::new(RefCell::new(Plumbing::default()));
    let tasks = Tasks::default();
    let builder = http2::Builder::new(tasks.clone());
    let connection = builder.serve_connection(Wire(Rc::clone(&wire)), service_fn(hello));
    let mut connection = Box::pin(connection);
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut exchange = {
        let wire = Rc::clone(&wire);
        move || {
            wire.borrow_mut().arrived = 0;
            wire.borrow_mut().written = 0;
            let mut context = Context::from_waker(&waker);
            woken.0.store(true, Ordering::Relaxed);
            while woken.0.swap(false, Ordering::Relaxed) {
                assert!(connection.as_mut().poll(&mut context).is_pending());
                let mut under_way = mem::take(&mut *tasks.0.borrow_mut());
                under_way.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
                tasks.0.borrow_mut().append(&mut under_way);
            }
            assert!(tasks.0.borrow().is_empty(), "every request is answered");
            let wire = wire.borrow();
            assert_eq!(wire.arrived, wire.request.len());
            wire.written
        }
    };
    wire.borrow_mut().request = client.greeting().to_vec();
    exchange();
    let mut batch = BytesMut::new();
    repeat(move || {
        batch.clear();
        client.put(&mut batch, REQUESTS, messages::ANSWER.len());
        wire.borrow_mut().request.clear();
        wire.borrow_mut().request.extend_from_slice(&batch);
        let written = exchange();
        assert!(written > REQUESTS * messages::ANSWER.len());
    })
}
