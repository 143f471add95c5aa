//! A sans-IO HTTP/1.1 endpoint, client and server (RFC 9110, RFC 9112)
