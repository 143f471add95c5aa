//! HTTP/2 against servers made of this project's own state machine, on a runtime that waits and on one that
//! blocks.
#![cfg(feature = "http2")]

mod peer;
mod share;

use barewire_smol::Smol;
use barewire_std::Std;

/// Runs a test that is generic over the runtime on each of them.
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {
        mod on_smol {
            $(#[test] fn $name() { super::$name(crate::smol()); })*
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
