use std::fmt;

use crate::{ClientConfig, ClientConfigBuilder, ConfigError, ServerConfig, ServerConfigBuilder};

/// A certificate made on the spot, for development and tests: nobody trusts it who was not told to.
///
/// ```
/// # fn main() -> Result<(), barewire_tls::ConfigError> {
/// use barewire_tls::SelfSigned;
///
/// let made = SelfSigned::new(["localhost", "127.0.0.1"])?;
/// let server = made.server().alpn(["http/1.1"]).build()?;
/// // Trusts exactly this certificate:
/// let client = made.client().alpn(["http/1.1"]).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SelfSigned {
    certificate: String,
    key: String,
}

impl SelfSigned {
    /// Makes a key and a certificate for these DNS names and IP addresses. It has no end to speak of: keep it
    /// in memory.
    ///
    /// # Errors
    ///
    /// [`ConfigError::BadServerName`] for what is neither.
    pub fn new<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let made =
            rcgen::generate_simple_self_signed(names).map_err(|_| ConfigError::BadServerName)?;
        Ok(Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() })
    }

    /// The certificate, PEM: what a client has to trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// Its private key, PEM.
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// Begins the configuration of a server with this certificate.
    pub fn server(&self) -> ServerConfigBuilder {
        ServerConfig::builder().certificate_pem(&self.certificate, &self.key)
    }

    /// Begins the configuration of a client that trusts this certificate and no other.
    pub fn client(&self) -> ClientConfigBuilder {
        ClientConfig::builder().roots_pem(&self.certificate)
    }
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfSigned").finish_non_exhaustive()
    }
}
