//! Which crate may depend on which, and a checker of it that can be shown to find what it should.

use crate::metadata::{Dependency, Workspace};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Seam,
    Protocol,
    Testkit,
    Runtime,
    Adapter,
    People,
    Facade,
    Application,
}

/// Every crate has its place, those that are still to come included.
const LAYERS: &[(&str, Layer)] = &[
    ("barewire-proto", Layer::Seam),
    ("barewire-h1", Layer::Protocol),
    ("barewire-h2", Layer::Protocol),
    ("barewire-hpack", Layer::Protocol),
    ("barewire-router", Layer::Protocol),
    ("barewire-tls", Layer::Protocol),
    ("barewire-ws", Layer::Protocol),
    ("barewire-testkit", Layer::Testkit),
    ("barewire-rt", Layer::Runtime),
    ("barewire-async-std", Layer::Adapter),
    ("barewire-smol", Layer::Adapter),
    ("barewire-std", Layer::Adapter),
    ("barewire-client", Layer::People),
    ("barewire-server", Layer::People),
    ("barewire-tasks", Layer::People),
    ("barewire", Layer::Facade),
    ("barewire-cli", Layer::Application),
    ("barewire-examples", Layer::Application),
    ("barewire-tests", Layer::Application),
];

/// The only protocol that is built on another one.
const PROTOCOL_ON_PROTOCOL: &[(&str, &str)] = &[("barewire-h2", "barewire-hpack")];

/// All that a protocol crate may bring into a build, with the features that this workspace turns on.
const TREES: &[(&str, &[&str])] = &[
    ("barewire-proto", &["bytes"]),
    ("barewire-h1", &["barewire-proto", "bytes", "http", "httparse", "itoa", "memchr"]),
    ("barewire-hpack", &["bytes", "http", "itoa"]),
    ("barewire-h2", &["barewire-hpack", "barewire-proto", "bytes", "http", "itoa"]),
    (
        "barewire-tls",
        // From `ring` on down: cryptography, and what it and the platform's roots ask the system.
        &[
            "barewire-proto",
            "bytes",
            "cfg-if",
            "getrandom",
            "libc",
            "once_cell",
            "openssl-probe",
            "ring",
            "rustls",
            "rustls-native-certs",
            "rustls-pki-types",
            "rustls-webpki",
            "subtle",
            "untrusted",
            "zeroize",
        ],
    ),
];

/// What makes things for development behind a feature that is off by default. It may bring what it likes.
const FOR_DEVELOPMENT: &[(&str, &[&str])] = &[("barewire-tls", &["rcgen"])];

const UNPUBLISHED: &[&str] = &["barewire-examples", "barewire-testkit", "barewire-tests"];

/// Executors, reactors and pools: what makes a crate one of a certain runtime.
const EXECUTORS: &[&str] = &[
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-net",
    "async-std",
    "blocking",
    "compio",
    "futures-executor",
    "glommio",
    "may",
    "mio",
    "monoio",
    "polling",
    "smol",
    "tokio",
];

const SOCKETS: &[&str] = &["libc", "nix", "rustix", "socket2", "windows-sys"];

/// Crates that only one who understands a protocol has a use for.
const PROTOCOL_LIBRARIES: &[&str] =
    &["h2", "http", "http-body", "httparse", "hyper", "rustls", "tungstenite"];

fn layer_of(name: &str) -> Option<Layer> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|&(_, layer)| layer)
}

/// Whether the crate is one without runtime, socket and clock.
pub(crate) fn is_pure(name: &str) -> bool {
    matches!(layer_of(name), Some(Layer::Seam | Layer::Protocol))
}

/// Whether a crate of this layer may be built on one of that.
fn may_use(layer: Layer, below: Layer) -> bool {
    use Layer::*;
    match layer {
        Seam => false,
        Protocol | Testkit | Runtime => below == Seam,
        Adapter => matches!(below, Seam | Runtime),
        People => matches!(below, Seam | Protocol | Runtime),
        Facade => !matches!(below, Facade | Application | Testkit),
        Application => below != Application,
    }
}

/// Every way in which the workspace breaks its own rules, one line each.
pub(crate) fn violations(workspace: &Workspace) -> Vec<String> {
    let mut found = Vec::new();
    for member in &workspace.members {
        let name = &member.name;
        let Some(layer) = layer_of(name) else {
            found.push(format!("{name} has no layer: give it one in LAYERS"));
            continue;
        };
        if member.published == UNPUBLISHED.contains(&name.as_str()) {
            found.push(format!("{name}: `publish` in its manifest contradicts UNPUBLISHED"));
        }
        for dependency in &member.dependencies {
            if let Some(why) = objection(name, layer, dependency) {
                found.push(format!("{name} depends on {}: {why}", dependency.name));
            }
        }
        if matches!(layer, Layer::Seam | Layer::Protocol) {
            let row = TREES.iter().find(|(known, _)| known == name);
            let allowed = row.map_or(&[][..], |(_, allowed)| allowed);
            let aside = FOR_DEVELOPMENT.iter().find(|(known, _)| known == name);
            let aside = aside.map_or(&[][..], |(_, aside)| aside);
            let mandatory = member.dependencies.iter().filter(|dependency| {
                aside.contains(&dependency.name.as_str()) && !dependency.dev && !dependency.optional
            });
            found.extend(mandatory.map(|dependency| {
                format!("{name}: {} is for development: make it optional", dependency.name)
            }));
            let tree = workspace.tree(&member.id, aside);
            found.extend(
                tree.iter()
                    .filter(|dependency| !allowed.contains(dependency))
                    .map(|dependency| format!("{name} brings {dependency}, not in TREES")),
            );
        }
    }
    found
}

fn objection(name: &str, layer: Layer, dependency: &Dependency) -> Option<&'static str> {
    let other = dependency.name.as_str();
    let pure = matches!(layer, Layer::Seam | Layer::Protocol);
    // What tests are made with is up to them, but a protocol's tests need no runtime either.
    if dependency.dev && !pure {
        return None;
    }
    if let Some(below) = layer_of(other) {
        let allowed = may_use(layer, below)
            || PROTOCOL_ON_PROTOCOL.contains(&(name, other))
            || (dependency.dev && below == Layer::Testkit);
        return if !allowed {
            Some("an arrow points down, and only as far as its layer may see")
        } else if UNPUBLISHED.contains(&other) && !dependency.dev && !UNPUBLISHED.contains(&name) {
            Some("it is not published")
        } else {
            None
        };
    }
    let executor = EXECUTORS.contains(&other);
    let socket = SOCKETS.contains(&other);
    match layer {
        Layer::Seam | Layer::Protocol if executor || socket => {
            Some("a protocol knows no runtime and no socket")
        }
        Layer::People if executor || socket => Some("it is written over `Runtime` and names none"),
        Layer::Runtime if executor && !dependency.optional => {
            Some("a certain runtime is for those who ask for it: make it optional")
        }
        Layer::Runtime | Layer::Adapter if PROTOCOL_LIBRARIES.contains(&other) => {
            Some("an adapter knows no protocol")
        }
        _ => None,
    }
}

/// The packages of a lock file that do not come from a registry or this repository.
pub(crate) fn foreign_sources(lock: &str) -> Vec<&str> {
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    sources.filter(|source| !source.starts_with("\"registry+")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::metadata::text;

    fn dependency(name: &str) -> Value {
        json!({ "name": name, "kind": null, "optional": false })
    }

    fn dev(name: &str) -> Value {
        json!({ "name": name, "kind": "dev", "optional": false })
    }

    fn optional(name: &str) -> Value {
        json!({ "name": name, "kind": null, "optional": true })
    }

    /// What is found about a workspace of this one crate, whose tree is its normal dependencies.
    fn about(name: &str, dependencies: &[Value]) -> Vec<String> {
        publishing(name, !UNPUBLISHED.contains(&name), dependencies)
    }

    fn publishing(name: &str, published: bool, dependencies: &[Value]) -> Vec<String> {
        let package = |name: &str, dependencies: &[Value]| {
            json!({
                "id": name,
                "name": name,
                "manifest_path": format!("/somewhere/{name}/Cargo.toml"),
                "publish": if published { Value::Null } else { json!([]) },
                "dependencies": dependencies,
            })
        };
        let mut packages = vec![package(name, dependencies)];
        let mut nodes = Vec::new();
        let mut deps = Vec::new();
        for dependency in dependencies {
            let other = text(dependency, "name");
            packages.push(package(&other, &[]));
            nodes.push(json!({ "id": other, "deps": [] }));
            deps.push(json!({ "pkg": other, "dep_kinds": [{ "kind": dependency["kind"] }] }));
        }
        nodes.push(json!({ "id": name, "deps": deps }));
        violations(&Workspace::new(&json!({
            "workspace_members": [name],
            "packages": packages,
            "resolve": { "nodes": nodes },
        })))
    }

    #[test]
    fn what_is_allowed_passes() {
        for (name, dependencies) in [
            ("barewire-proto", vec![dependency("bytes"), dev("proptest")]),
            ("barewire-h1", vec![dependency("barewire-proto"), dev("barewire-testkit")]),
            ("barewire-rt", vec![dependency("socket2"), optional("async-io")]),
            ("barewire-smol", vec![dependency("barewire-rt"), dependency("smol")]),
            ("barewire-server", vec![dependency("barewire-h1"), dev("barewire-smol")]),
            ("barewire", vec![optional("barewire-smol"), dependency("barewire-client")]),
            ("barewire-tests", vec![dependency("barewire"), dependency("barewire-testkit")]),
        ] {
            assert_eq!(about(name, &dependencies), [""; 0], "{name}");
        }
    }

    #[test]
    fn what_is_forbidden_is_found() {
        for (name, dependencies) in [
            // Up, and sideways.
            ("barewire-proto", dependency("barewire-h1")),
            ("barewire-h1", dependency("barewire-ws")),
            ("barewire-h1", dependency("barewire-rt")),
            ("barewire-rt", dependency("barewire-smol")),
            ("barewire-rt", dependency("barewire-h1")),
            ("barewire-smol", dependency("barewire-h1")),
            ("barewire-std", dependency("barewire-smol")),
            ("barewire-client", dependency("barewire-smol")),
            ("barewire-client", optional("barewire-std")),
            ("barewire-server", dependency("barewire-client")),
            ("barewire-server", dependency("barewire")),
            ("barewire", dependency("barewire-cli")),
            ("barewire-cli", dependency("barewire-tests")),
            // Other people's runtimes, sockets and protocols.
            ("barewire-h1", optional("tokio")),
            ("barewire-h1", dev("smol")),
            ("barewire-h1", dev("barewire-smol")),
            ("barewire-proto", dependency("socket2")),
            ("barewire-rt", dependency("async-io")),
            ("barewire-smol", dependency("httparse")),
            ("barewire-client", dependency("async-net")),
            ("barewire-server", optional("tokio")),
            // Not published.
            ("barewire-cli", dependency("barewire-testkit")),
            // More than it needs.
            ("barewire-h1", dependency("serde")),
            // Nobody knows where it belongs.
            ("barewire-new", dependency("bytes")),
        ] {
            let found = about(name, std::slice::from_ref(&dependencies));
            assert!(!found.is_empty(), "{name} may depend on {dependencies}");
        }
        assert_eq!(about("barewire-tls", &[optional("rcgen")]), [""; 0]);
        assert!(!about("barewire-tls", &[dependency("rcgen")]).is_empty());
        assert!(!publishing("barewire-testkit", true, &[]).is_empty());
        assert!(!publishing("barewire-h1", false, &[]).is_empty());
    }

    #[test]
    fn a_tree_is_followed_to_its_leaves() {
        let node = |id: &str, pkg: &str| json!({ "id": id, "deps": [{ "pkg": pkg, "dep_kinds": [{ "kind": null }] }] });
        let package = |name: &str| json!({ "id": name, "name": name, "manifest_path": "/a/b", "publish": null, "dependencies": [] });
        let packages = ["barewire-proto", "bytes", "deep"].map(package);
        let found = violations(&Workspace::new(&json!({
            "workspace_members": ["barewire-proto"],
            "packages": packages,
            "resolve": { "nodes": [
                node("barewire-proto", "bytes"),
                node("bytes", "deep"),
                { "id": "deep", "deps": [{ "pkg": "deep", "dep_kinds": [{ "kind": "dev" }] }] },
            ] },
        })));
        assert_eq!(found, ["barewire-proto brings deep, not in TREES"]);
    }

    #[test]
    fn sources_other_than_registries_are_found() {
        let lock = "[[package]]\nname = \"a\"\nsource = \"registry+https://example.com\"\n\
                    [[package]]\nname = \"b\"\nsource = \"git+https://example.com\"\n";
        assert_eq!(foreign_sources(lock), ["\"git+https://example.com\""]);
    }
}
