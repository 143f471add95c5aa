use std::pin::Pin;
use std::task::{Context, Poll};

use barewire_rt::JoinError;

/// Waits for a task. Dropping it leaves the task running; cancel-safe.
#[derive(Debug)]
pub struct JoinHandle<T>(async_std::task::JoinHandle<Result<T, JoinError>>);

impl<T> From<async_std::task::JoinHandle<Result<T, JoinError>>> for JoinHandle<T> {
    fn from(handle: async_std::task::JoinHandle<Result<T, JoinError>>) -> Self {
        Self(handle)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}
