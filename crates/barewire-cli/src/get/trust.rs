//! Whose certificates are believed.

use std::path::Path;
use std::sync::Arc;

use barewire::tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use barewire::tls::rustls::crypto::{CryptoProvider, ring};
use barewire::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use barewire::tls::rustls::{self, DigitallySignedStruct, Error as RustlsError, SignatureScheme};
use barewire::tls::{ClientConfig, ConfigError};

/// Those of one file, and no others.
pub(crate) fn only(file: &Path) -> Result<ClientConfig, ConfigError> {
    ClientConfig::builder().roots_file(file).build()
}

/// Everybody's.
pub(crate) fn everybody() -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Everybody(provider)))
        .with_no_client_auth();
    Ok(ClientConfig::from_rustls(Arc::new(config)))
}

/// Takes any certificate. That the server has its key is checked all the same.
#[derive(Debug)]
struct Everybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Everybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
