//! The client against servers that do exactly what a test tells them, on a runtime that waits and on one that
//! blocks.

mod blocking;
mod bodies;
mod errors;
mod exchange;
mod pool;
mod script;
mod timeouts;

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
