//! Bare protocols, any wire: HTTP client and server on smol, async-std or blocking std
