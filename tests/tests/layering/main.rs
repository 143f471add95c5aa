//! The layers of ARCHITECTURE.md, held against `cargo metadata`: an arrow only ever points down.

mod metadata;
mod rules;

use std::path::Path;

use metadata::{Workspace, built, root};
use rules::{foreign_sources, is_pure, violations};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn arrows_point_down() {
    let found = violations(&Workspace::of_this_repository());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn protocols_forbid_unsafe_code_clocks_threads_and_hash_order() {
    let rules = read(&root().join("crates/barewire-proto/clippy.toml"));
    for path in [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::thread::spawn",
        "std::collections::HashMap::iter",
        "std::net::TcpStream",
    ] {
        assert!(rules.contains(&format!("\"{path}\"")), "no rule against {path}");
    }
    for member in Workspace::of_this_repository().members {
        if is_pure(&member.name) {
            let own = read(&member.dir.join("clippy.toml"));
            assert!(own == rules, "{}: its clippy.toml is not barewire-proto's", member.name);
            let lib = read(&member.dir.join("src/lib.rs"));
            assert!(lib.contains("#![forbid(unsafe_code)]"), "{} allows unsafe code", member.name);
        }
    }
}

/// Who does not ask for TLS or HTTP/2 builds nothing of it.
#[test]
fn features_bring_their_crates_and_nothing_else_does() {
    let packages = [
        ("barewire", "async-std,smol,std,tracing"),
        ("barewire-client", "tracing"),
        ("barewire-server", "tracing"),
    ];
    for (package, features) in packages {
        for (feature, other, owned) in [
            ("tls", "http2", &["barewire-tls", "ring", "rustls", "rustls-pki-types"][..]),
            ("http2", "tls", &["barewire-h2", "barewire-hpack"]),
        ] {
            let with = built(package, feature);
            assert!(owned.iter().all(|name| with.contains(*name)), "{package} with {feature}");
            let without = built(package, &format!("{features},{other}"));
            let found: Vec<_> = owned.iter().filter(|name| without.contains(**name)).collect();
            assert!(found.is_empty(), "{package} without {feature} is built with {found:?}");
        }
    }
}

#[test]
fn everything_comes_from_a_registry() {
    let mut locks = vec![root().join("Cargo.lock"), root().join("fuzz/Cargo.lock")];
    let tests = std::fs::read_dir(root().join("tests")).expect("this directory");
    locks.extend(tests.map(|entry| entry.expect("an entry").path().join("Cargo.lock")));
    for lock in locks.iter().filter(|lock| lock.is_file()) {
        let text = read(lock);
        let foreign = foreign_sources(&text);
        assert!(foreign.is_empty(), "{}: {foreign:?}", lock.display());
    }
}
