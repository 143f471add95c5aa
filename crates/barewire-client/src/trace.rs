//! `tracing` events, or nothing without the feature.

#[cfg(feature = "tracing")]
macro_rules! debug {
    ($($event:tt)*) => { tracing::debug!(target: "barewire_client", $($event)*) };
}

#[cfg(not(feature = "tracing"))]
macro_rules! debug {
    ($($name:ident = $sign:tt $value:expr,)* $text:literal) => { $(let _ = &$value;)* };
}

pub(crate) use debug;
