//! A protocol of bytes to put in TLS, certificates to do it with, and two ends in memory.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::fmt;
use std::time::Instant;

use barewire_proto::{Buf, Bytes, Input, Output, Protocol};
use barewire_testkit::{Link, Pair};
use barewire_tls::{ClientConfig, Error, Event, ServerConfig, Tls, TlsError};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

/// Hands out what comes, as it comes; a NUL is a violation, answered with `bye`.
#[derive(Debug)]
pub struct Raw {
    pub input: Input,
    pub output: Output,
    pub paused: bool,
    pub between: bool,
    pub failed: bool,
    pub ended: bool,
    /// It is closed on the spot, whatever was put out.
    pub gone: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum RawEvent {
    Bytes(Bytes),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawError;

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a NUL came")
    }
}

impl std::error::Error for RawError {}

impl Raw {
    pub fn new(read: usize) -> Self {
        Self {
            input: Input::new(read),
            output: Output::default(),
            paused: false,
            between: false,
            failed: false,
            ended: false,
            gone: false,
        }
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self::new(32 * 1024)
    }
}

impl Protocol for Raw {
    type Event = RawEvent;
    type Error = RawError;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        !self.paused && !self.failed && !self.ended && !self.input.is_full()
    }

    fn is_closed(&self) -> bool {
        self.gone || ((self.ended || self.failed) && self.output.is_finished())
    }

    fn poll_event(&mut self) -> Result<Option<RawEvent>, RawError> {
        if self.failed {
            return Err(RawError);
        }
        if self.paused {
            return Ok(None);
        }
        let nul = self.input.filled().iter().position(|&byte| byte == 0);
        if nul == Some(0) {
            self.failed = true;
            self.output.put(b"bye");
            self.output.finish();
            return Err(RawError);
        }
        if !self.input.is_empty() {
            let n = nul.unwrap_or(self.input.len());
            return Ok(Some(RawEvent::Bytes(self.input.split_to(n))));
        }
        if self.input.is_closed() && !self.ended {
            self.ended = true;
            return Ok(Some(RawEvent::End));
        }
        Ok(None)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) {}
}

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Made {
    pub cert: String,
    pub key: String,
}

/// An authority that makes certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "an authority for tests");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    pub fn issue(&self, names: &[&str]) -> Made {
        self.issue_with(names, |_| {})
    }

    pub fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Made {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        Made { cert: cert.pem(), key: key.serialize_pem() }
    }

    pub fn server(&self, names: &[&str]) -> barewire_tls::ServerConfigBuilder {
        let made = self.issue(names);
        ServerConfig::builder().certificate_pem(&made.cert, &made.key)
    }

    pub fn client(&self) -> barewire_tls::ClientConfigBuilder {
        ClientConfig::builder().roots_pem(self.pem())
    }
}

pub type Ends = Pair<Tls<Raw>, Tls<Raw>>;

/// What one end saw.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    pub established: usize,
    pub bytes: Vec<u8>,
    pub ended: bool,
    pub error: Option<Error<RawError>>,
}

impl Seen {
    pub fn note(&mut self, event: Result<Event<RawEvent>, Error<RawError>>) {
        assert!(self.error.is_none(), "{event:?} after {:?}", self.error);
        match event {
            Ok(Event::Established) => self.established += 1,
            Ok(Event::Inner(RawEvent::Bytes(bytes))) => self.bytes.extend_from_slice(&bytes),
            Ok(Event::Inner(RawEvent::End)) => self.ended = true,
            Err(error) => self.error = Some(error),
        }
    }

    pub fn tls_error(&self) -> TlsError {
        match self.error {
            Some(Error::Tls(error)) => error,
            ref other => panic!("{other:?}"),
        }
    }
}

pub fn pair(client: &ClientConfig, server: &ServerConfig, name: &str) -> Ends {
    over(client, server, name, Link::default(), Link::default())
}

pub fn over(
    client: &ClientConfig,
    server: &ServerConfig,
    name: &str,
    up: Link,
    down: Link,
) -> Ends {
    let client = Tls::client(client, name, |_| Raw::default()).unwrap();
    let server = Tls::server(server, |_| Raw::default());
    Pair::over(client, server, up, down)
}

/// Goes on until nothing moves.
pub fn settle(pair: &mut Ends) -> (Seen, Seen) {
    let (mut client, mut server) = (Seen::default(), Seen::default());
    settle_into(pair, &mut client, &mut server);
    (client, server)
}

pub fn settle_into(pair: &mut Ends, client: &mut Seen, server: &mut Seen) {
    pair.settle(|_, event| client.note(event), |_, event| server.note(event));
}

/// Takes all that is put out now.
pub fn drain(protocol: &mut impl Protocol) -> Vec<u8> {
    let mut all = Vec::new();
    while protocol.output().has_remaining() {
        let chunk = protocol.output().chunk().to_vec();
        protocol.output().advance(chunk.len());
        all.extend(chunk);
    }
    all
}

/// Gives bytes to a protocol, as far as it takes them; returns how many.
pub fn give(protocol: &mut impl Protocol, bytes: &[u8]) -> usize {
    let spare = protocol.input().spare(bytes.len());
    let n = spare.len().min(bytes.len());
    spare[..n].copy_from_slice(&bytes[..n]);
    protocol.input().commit(n);
    n
}
