//! An HTTP server, written once, for every barewire runtime
