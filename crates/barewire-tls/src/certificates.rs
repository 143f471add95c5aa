//! Certificates and keys, from files or memory, and which of them belongs to a name.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, client::verify_server_name};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::ConfigError;

/// What is wrong with a certificate, a key, or a list of roots.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CertificateError {
    /// The file cannot be read.
    Unreadable(io::ErrorKind),
    /// It is not PEM (RFC 7468).
    BadPem,
    /// No certificate is in it.
    NoCertificate,
    /// No private key is in it: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    NoKey,
    /// The key is of a kind that is not known, or broken.
    BadKey,
    /// The key belongs to another certificate.
    KeyOfAnotherCertificate,
    /// A certificate cannot be read, or not be a root.
    BadCertificate,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(io::ErrorKind::NotFound) => f.write_str("there is no such file"),
            Self::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
            Self::BadPem => f.write_str("is not PEM"),
            Self::NoCertificate => f.write_str("holds no certificate"),
            Self::NoKey => f.write_str("holds no private key that is not encrypted"),
            Self::BadKey => f.write_str("holds a private key of an unknown kind"),
            Self::KeyOfAnotherCertificate => f.write_str("the key is not the certificate's"),
            Self::BadCertificate => f.write_str("holds a malformed certificate"),
        }
    }
}

impl std::error::Error for CertificateError {}

/// PEM in memory or in a file that is read when a configuration is made or reloaded.
#[derive(Clone)]
pub(crate) enum Pem {
    File(PathBuf),
    Memory(Arc<[u8]>),
}

impl Pem {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory(_) => None,
        }
    }

    pub(crate) fn blame(&self, why: CertificateError) -> ConfigError {
        ConfigError::Certificate { path: self.path().map(Path::to_owned), why }
    }

    fn read(&self) -> Result<Arc<[u8]>, ConfigError> {
        match self {
            Self::File(path) => std::fs::read(path)
                .map(Arc::from)
                .map_err(|error| self.blame(CertificateError::Unreadable(error.kind()))),
            Self::Memory(bytes) => Ok(bytes.clone()),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.read()?).collect();
        match found {
            Ok(found) if found.is_empty() => Err(self.blame(CertificateError::NoCertificate)),
            Ok(found) => Ok(found),
            Err(_) => Err(self.blame(CertificateError::BadPem)),
        }
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, ConfigError> {
        use rustls_pki_types::pem::Error::NoItemsFound;
        PrivateKeyDer::from_pem_slice(&self.read()?).map_err(|error| match error {
            NoItemsFound => self.blame(CertificateError::NoKey),
            _ => self.blame(CertificateError::BadPem),
        })
    }

    /// The certificates as roots, every one of them.
    pub(crate) fn roots(&self, roots: &mut RootCertStore) -> Result<(), ConfigError> {
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|_| self.blame(CertificateError::BadCertificate))?;
        }
        Ok(())
    }
}

/// A chain and the key of its first certificate.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: Pem,
    pub(crate) key: Pem,
}

impl Identity {
    pub(crate) fn files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: Pem::File(chain.into()), key: Pem::File(key.into()) }
    }

    pub(crate) fn memory(chain: &[u8], key: &[u8]) -> Self {
        Self { chain: Pem::Memory(chain.into()), key: Pem::Memory(key.into()) }
    }

    pub(crate) fn load(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, ConfigError> {
        let (chain, key) = (self.chain.certificates()?, self.key.key()?);
        CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                self.key.blame(CertificateError::KeyOfAnotherCertificate)
            }
            rustls::Error::InvalidCertificate(_) => {
                self.chain.blame(CertificateError::BadCertificate)
            }
            _ => self.key.blame(CertificateError::BadKey),
        })
    }
}

/// Finds the certificate for the name that the client asks for; without a name, or with one that nobody has,
/// the first of all.
pub(crate) struct ByName(pub(crate) Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let suits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let named = self.0.iter().filter(suits).find(|key| {
            let Some((name, certificate)) = name.as_ref().zip(key.cert.first()) else {
                return false;
            };
            ParsedCertificate::try_from(certificate)
                .is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok())
        });
        named.or_else(|| self.0.iter().find(suits)).or_else(|| self.0.first()).cloned()
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByName({} certificates)", self.0.len())
    }
}

/// Remembers the name that one client asks for: without buffers, rustls tells it to the resolver alone.
#[derive(Debug)]
pub(crate) struct Asked {
    resolver: Arc<dyn ResolvesServerCert>,
    name: OnceLock<Option<String>>,
}

impl Asked {
    /// A configuration for one connection, which remembers its name here.
    pub(crate) fn watch(config: &rustls::ServerConfig) -> (Arc<Self>, Arc<rustls::ServerConfig>) {
        let mut config = config.clone();
        let asked =
            Arc::new(Self { resolver: config.cert_resolver.clone(), name: OnceLock::new() });
        config.cert_resolver = asked.clone();
        (asked, Arc::new(config))
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.get()?.as_deref()
    }
}

impl ResolvesServerCert for Asked {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let _first = self.name.set(hello.server_name().map(str::to_owned));
        self.resolver.resolve(hello)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.resolver.only_raw_public_keys()
    }
}
