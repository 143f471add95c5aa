use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;

use crate::ConfigError;
use crate::certificates::{Identity, Pem};
use crate::config::{Settings, checked_alpn, common_settings, provider};

/// How a client speaks TLS. Cheap to clone; clones share the sessions that are resumed.
///
/// ```
/// # fn main() -> Result<(), barewire_tls::ConfigError> {
/// # #[cfg(feature = "self-signed")] {
/// # let pem = barewire_tls::SelfSigned::new(["localhost"])?.certificate_pem().to_owned();
/// use barewire_tls::ClientConfig;
///
/// // Trusts these and nobody else; without `roots_pem` or `roots_file`, whom the platform trusts.
/// let config = ClientConfig::builder().roots_pem(&pem).alpn(["h2", "http/1.1"]).build()?;
/// let http1 = config.with_alpn(["http/1.1"])?;
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientConfig {
    config: Arc<rustls::ClientConfig>,
    settings: Settings,
}

/// Makes a [`ClientConfig`].
#[derive(Clone)]
#[must_use = "nothing is read before `build`"]
pub struct ClientConfigBuilder {
    roots: Vec<Pem>,
    platform: bool,
    identity: Option<Identity>,
    sni: bool,
    alpn: Vec<Vec<u8>>,
    settings: Settings,
}

impl ClientConfig {
    /// Begins a configuration: TLS 1.2 and 1.3 with the suites that rustls takes for safe, whom the platform
    /// trusts, no ALPN, no client certificate.
    pub fn builder() -> ClientConfigBuilder {
        ClientConfigBuilder {
            roots: Vec::new(),
            platform: false,
            identity: None,
            sni: true,
            alpn: Vec::new(),
            settings: Settings::default(),
        }
    }

    /// A configuration of rustls, as it is: for everything that the builder has no word for. Early data is
    /// not sent, whatever it says.
    pub fn from_rustls(config: Arc<rustls::ClientConfig>) -> Self {
        Self { config, settings: Settings::default() }
    }

    /// The same with other protocols of ALPN: for a client that wants one of them now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::BadAlpn`].
    pub fn with_alpn<T: Into<Vec<u8>>>(
        &self,
        protocols: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        let protocols: Vec<_> = protocols.into_iter().map(Into::into).collect();
        let mut config = rustls::ClientConfig::clone(&self.config);
        config.alpn_protocols = checked_alpn(&protocols)?;
        Ok(Self { config: Arc::new(config), settings: self.settings })
    }

    /// The configuration of rustls.
    pub fn current(&self) -> Arc<rustls::ClientConfig> {
        self.config.clone()
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl ClientConfigBuilder {
    /// Trusts these roots (a PEM file), and the platform's no more unless
    /// [`platform_roots`](Self::platform_roots) is called too. May be called again.
    pub fn roots_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Pem::File(path.into()));
        self
    }

    /// As [`roots_file`](Self::roots_file), with PEM in memory. A self-signed certificate is its own root:
    /// trusting it is trusting exactly that one.
    pub fn roots_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(Pem::Memory(pem.as_ref().into()));
        self
    }

    /// Trusts whom the platform trusts, beside what else is given. The default without any other roots; needs
    /// the feature of the same name.
    pub fn platform_roots(mut self) -> Self {
        self.platform = true;
        self
    }

    /// Shows this certificate to servers that ask for one: chain and key, PEM files.
    pub fn certificate_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some(Identity::files(chain, key));
        self
    }

    /// As [`certificate_files`](Self::certificate_files), with PEM in memory.
    pub fn certificate_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = Some(Identity::memory(chain.as_ref(), key.as_ref()));
        self
    }

    /// Whether the server's name is sent in clear text (SNI). Default: yes, or servers with several
    /// certificates cannot choose.
    pub fn sni(mut self, send: bool) -> Self {
        self.sni = send;
        self
    }

    common_settings!();

    /// Reads the files, and the platform's roots if they are needed, and makes the configuration. Blocks
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// What is wrong with a file, or that nobody is trusted.
    pub fn build(self) -> Result<ClientConfig, ConfigError> {
        let mut roots = RootCertStore::empty();
        for pem in &self.roots {
            pem.roots(&mut roots)?;
        }
        if self.platform || self.roots.is_empty() {
            platform_roots(&mut roots);
        }
        if roots.is_empty() {
            return Err(ConfigError::NoRoots);
        }
        let provider = provider();
        let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = identity.load(&provider)?;
                let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
                builder.with_client_cert_resolver(resolver)
            }
        };
        config.alpn_protocols = checked_alpn(&self.alpn)?;
        config.enable_sni = self.sni;
        Ok(ClientConfig { config: Arc::new(config), settings: self.settings })
    }
}

impl fmt::Debug for ClientConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfigBuilder")
            .field("roots", &self.roots.len())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Platforms carry a few certificates that cannot be roots: those that can are what counts.
#[cfg(feature = "platform-roots")]
fn platform_roots(roots: &mut RootCertStore) {
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
}

#[cfg(not(feature = "platform-roots"))]
fn platform_roots(_: &mut RootCertStore) {}
