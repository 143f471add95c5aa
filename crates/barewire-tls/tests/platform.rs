//! Whom the platform trusts is read from the files that it names. Here they are named by `SSL_CERT_FILE`, for this same
//! binary started once more, since a process cannot change its own variables safely.
#![cfg(feature = "platform-roots")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "variables are how a platform names its roots"
)]

mod support;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use barewire_tls::{ClientConfig, ConfigError, ErrorKind, ServerConfig};
use support::{Authority, pair, settle};

/// Where the files are, for who is started once more.
const FILES: &str = "BAREWIRE_TLS_TEST_FILES";

#[test]
fn who_names_no_roots_trusts_whom_the_platform_trusts() {
    let name = "who_names_no_roots_trusts_whom_the_platform_trusts";
    let Some(files) = env::var_os(FILES) else {
        return once_more(name, |authority| authority.pem());
    };
    let server = server(Path::new(&files));
    let other = Authority::new();
    let own = ClientConfig::builder();
    let both = ClientConfig::builder().roots_pem(other.pem()).platform_roots();
    for client in [own, both] {
        let (client, server) = settle(&mut pair(&client.build().unwrap(), &server, "localhost"));
        assert_eq!((client.error, server.error), (None, None));
    }
    // Roots that are given stand in for the platform's, which is another authority of the same name.
    let (client, _) = settle(&mut pair(&other.client().build().unwrap(), &server, "localhost"));
    assert_eq!(client.tls_error().kind(), ErrorKind::BadCertificate);
}

#[test]
fn a_platform_that_trusts_nobody_is_told() {
    let name = "a_platform_that_trusts_nobody_is_told";
    if env::var_os(FILES).is_none() {
        return once_more(name, |_| String::new());
    }
    let error = ClientConfig::builder().build().unwrap_err();
    assert!(matches!(error, ConfigError::NoRoots));
    let text = error.to_string();
    assert!(text.contains("ca-certificates") && text.contains("`roots_file`"), "{text}");
}

fn server(files: &Path) -> ServerConfig {
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| files.join(name));
    ServerConfig::builder().certificate_files(chain, key).build().unwrap()
}

/// Runs one test of this binary where the platform trusts `roots`.
fn once_more(test: &str, roots: impl FnOnce(&Authority) -> String) {
    let files = env::temp_dir().join(format!("barewire-tls-{test}-{}", std::process::id()));
    fs::create_dir_all(&files).unwrap();
    let authority = Authority::new();
    let made = authority.issue(&["localhost"]);
    for (name, pem) in
        [("chain.pem", made.cert), ("key.pem", made.key), ("roots.pem", roots(&authority))]
    {
        fs::write(files.join(name), pem).unwrap();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test])
        .env(FILES, &files)
        .env("SSL_CERT_FILE", files.join("roots.pem"))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    fs::remove_dir_all(&files).unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
