//! An HTTP client, written once, for every barewire runtime, async and blocking
