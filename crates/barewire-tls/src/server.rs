use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::{
    NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions,
    WebPkiClientVerifier,
};

use crate::ConfigError;
use crate::certificates::{ByName, Identity, Pem};
use crate::config::{Settings, checked_alpn, common_settings, provider};

/// How a server speaks TLS. Cheap to clone; clones, and what [`with_alpn`](Self::with_alpn) makes of them, share
/// what [`reload`](Self::reload) exchanges.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use barewire_tls::ServerConfig;
///
/// # #[cfg(feature = "self-signed")] {
/// # let made = barewire_tls::SelfSigned::new(["example.org"])?;
/// # let dir = std::env::temp_dir().join(format!("barewire-tls-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
/// # std::fs::write(&cert, made.certificate_pem())?;
/// # std::fs::write(&key, made.key_pem())?;
/// let config = ServerConfig::builder()
///     .certificate_files(&cert, &key)
///     .alpn(["h2", "http/1.1"])
///     .build()?;
/// // When the files have changed, on a signal perhaps:
/// config.reload()?;
/// # std::fs::remove_dir_all(&dir)?;
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerConfig {
    shared: Arc<Shared>,
    /// In place of what was built, whatever is in force.
    alpn: Option<Arc<[Vec<u8>]>>,
}

struct Shared {
    current: RwLock<Arc<rustls::ServerConfig>>,
    /// How to make it anew; `None` where it was made by somebody else.
    recipe: Option<ServerConfigBuilder>,
    settings: Settings,
}

/// Makes a [`ServerConfig`].
#[derive(Clone)]
#[must_use = "nothing is read before `build`"]
pub struct ServerConfigBuilder {
    identities: Vec<Identity>,
    clients: ClientCertificates,
    alpn: Vec<Vec<u8>>,
    settings: Settings,
    tickets: Option<Arc<dyn ProducesTickets>>,
}

/// Whether clients show a certificate.
#[derive(Clone, Default)]
enum ClientCertificates {
    #[default]
    No,
    Optional(Pem),
    Required(Pem),
}

impl ServerConfig {
    /// Begins a configuration: TLS 1.2 and 1.3 with the suites that rustls takes for safe, no ALPN, no client
    /// certificates. It needs a certificate at least.
    pub fn builder() -> ServerConfigBuilder {
        ServerConfigBuilder {
            identities: Vec::new(),
            clients: ClientCertificates::No,
            alpn: Vec::new(),
            settings: Settings::default(),
            tickets: None,
        }
    }

    /// A configuration of rustls, as it is: for everything that the builder has no word for.
    ///
    /// # Errors
    ///
    /// [`ConfigError::EarlyData`] when it lets early data in.
    pub fn from_rustls(config: Arc<rustls::ServerConfig>) -> Result<Self, ConfigError> {
        if config.max_early_data_size > 0 {
            return Err(ConfigError::EarlyData);
        }
        Ok(Self::new(config, None, Settings::default()))
    }

    fn new(
        current: Arc<rustls::ServerConfig>,
        recipe: Option<ServerConfigBuilder>,
        settings: Settings,
    ) -> Self {
        let shared = Arc::new(Shared { current: RwLock::new(current), recipe, settings });
        Self { shared, alpn: None }
    }

    /// The same with other protocols of ALPN, the preferred one first; with none, ALPN is not used. A
    /// [`reload`](Self::reload) of either is one of both.
    ///
    /// ```
    /// # #[cfg(feature = "self-signed")] {
    /// # use barewire_tls::SelfSigned;
    /// let config = SelfSigned::new(["localhost"])?.server().build()?;
    /// assert!(config.alpn().is_empty());
    /// let web = config.with_alpn(["h2", "http/1.1"])?;
    /// assert_eq!(web.alpn(), [&b"h2"[..], b"http/1.1"]);
    /// # }
    /// # Ok::<(), barewire_tls::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::BadAlpn`].
    pub fn with_alpn<T: Into<Vec<u8>>>(
        &self,
        protocols: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        let protocols: Vec<_> = protocols.into_iter().map(Into::into).collect();
        Ok(Self { shared: self.shared.clone(), alpn: Some(checked_alpn(&protocols)?.into()) })
    }

    /// The protocols of ALPN, the preferred one first. Empty: ALPN is not used.
    pub fn alpn(&self) -> Vec<Vec<u8>> {
        match &self.alpn {
            Some(protocols) => protocols.to_vec(),
            None => self.in_force().alpn_protocols.clone(),
        }
    }

    /// Reads the files again and takes what is in them for all connections that begin from now on. Those that
    /// are established stay as they are.
    ///
    /// It blocks while it reads: on an async runtime, call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// As [`ServerConfigBuilder::build`], and [`ConfigError::NothingToReload`]. What was in force stays in
    /// force.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let recipe = self.shared.recipe.as_ref().ok_or(ConfigError::NothingToReload)?;
        let fresh = Arc::new(recipe.make()?);
        *self.shared.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The configuration of rustls that is in force now.
    pub fn current(&self) -> Arc<rustls::ServerConfig> {
        let mut config = self.in_force();
        if let Some(protocols) = &self.alpn {
            Arc::make_mut(&mut config).alpn_protocols = protocols.to_vec();
        }
        config
    }

    fn in_force(&self) -> Arc<rustls::ServerConfig> {
        self.shared.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn settings(&self) -> Settings {
        self.shared.settings
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl ServerConfigBuilder {
    /// Adds a certificate with its chain and its key, both PEM files, read by [`build`](Self::build) and by
    /// every [`reload`](ServerConfig::reload).
    ///
    /// With several, a client gets the first that is for the name it asks for (SNI) and whose key it knows
    /// how to verify; the first of all when none is.
    pub fn certificate_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identities.push(Identity::files(chain, key));
        self
    }

    /// As [`certificate_files`](Self::certificate_files), with PEM in memory.
    pub fn certificate_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identities.push(Identity::memory(chain.as_ref(), key.as_ref()));
        self
    }

    /// Asks clients for a certificate of these issuers (a PEM file), and refuses those without.
    pub fn require_client_certificates(mut self, issuers: impl Into<PathBuf>) -> Self {
        self.clients = ClientCertificates::Required(Pem::File(issuers.into()));
        self
    }

    /// As [`require_client_certificates`](Self::require_client_certificates), with PEM in memory.
    pub fn require_client_certificates_pem(mut self, issuers: impl AsRef<[u8]>) -> Self {
        self.clients = ClientCertificates::Required(Pem::Memory(issuers.as_ref().into()));
        self
    }

    /// Asks clients for a certificate of these issuers (a PEM file), and lets those without in too.
    pub fn accept_client_certificates(mut self, issuers: impl Into<PathBuf>) -> Self {
        self.clients = ClientCertificates::Optional(Pem::File(issuers.into()));
        self
    }

    /// As [`accept_client_certificates`](Self::accept_client_certificates), with PEM in memory.
    pub fn accept_client_certificates_pem(mut self, issuers: impl AsRef<[u8]>) -> Self {
        self.clients = ClientCertificates::Optional(Pem::Memory(issuers.as_ref().into()));
        self
    }

    common_settings!();

    /// Reads the files and makes the configuration.
    ///
    /// # Errors
    ///
    /// What is wrong with a file, or that there is no certificate.
    pub fn build(mut self) -> Result<ServerConfig, ConfigError> {
        // Sessions of clients that were verified are not resumed after a reload: it may have changed who is
        // trusted. All others are, because the keys of tickets outlive it.
        if matches!(self.clients, ClientCertificates::No) {
            self.tickets = Some(rustls::crypto::ring::Ticketer::new()?);
        }
        let (current, settings) = (Arc::new(self.make()?), self.settings);
        Ok(ServerConfig::new(current, Some(self), settings))
    }

    fn make(&self) -> Result<rustls::ServerConfig, ConfigError> {
        if self.identities.is_empty() {
            return Err(ConfigError::NoCertificate);
        }
        let provider = provider();
        let keys: Result<Vec<_>, _> =
            self.identities.iter().map(|identity| identity.load(&provider)).collect();
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = match self.clients.verifier(provider)? {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut config = builder.with_cert_resolver(Arc::new(ByName(keys?)));
        config.alpn_protocols = checked_alpn(&self.alpn)?;
        let sessions: Arc<dyn StoresServerSessions> = match &self.tickets {
            Some(tickets) => {
                config.ticketer = tickets.clone();
                config.send_tls13_tickets = 1;
                Arc::new(NoServerSessionStorage {})
            }
            None => ServerSessionMemoryCache::new(256),
        };
        config.session_storage = sessions;
        Ok(config)
    }
}

impl fmt::Debug for ServerConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfigBuilder")
            .field("certificates", &self.identities.len())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

type Verifier = Arc<dyn rustls::server::danger::ClientCertVerifier>;

impl ClientCertificates {
    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Option<Verifier>, ConfigError> {
        let (pem, optional) = match self {
            Self::No => return Ok(None),
            Self::Optional(pem) => (pem, true),
            Self::Required(pem) => (pem, false),
        };
        let mut roots = RootCertStore::empty();
        pem.roots(&mut roots)?;
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let builder = if optional { builder.allow_unauthenticated() } else { builder };
        let verifier = builder
            .build()
            .map_err(|_| pem.blame(crate::certificates::CertificateError::BadCertificate))?;
        Ok(Some(verifier))
    }
}
