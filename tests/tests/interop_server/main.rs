//! Real clients against `barewire echo` and `barewire serve`, over loopback, on each runtime.
//!
//! Test names end in the runtime: `curl::keep_alive::smol`. A client that is not installed is
//! skipped loudly, or fails the test when `BAREWIRE_REQUIRE_PEERS=1`.

mod by_hand;
mod curl;
mod http2;
mod python;
mod upgrade;
mod wrk;
