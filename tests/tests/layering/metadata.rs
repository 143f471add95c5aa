//! What `cargo metadata` says, as far as the rules need it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
    names: BTreeMap<String, String>,
    /// Normal dependencies as they were resolved, by package id.
    resolved: BTreeMap<String, Vec<String>>,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) published: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) dev: bool,
    pub(crate) optional: bool,
}

pub(crate) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().unwrap_or_else(|| panic!("no {key} in {value}")).iter()
}

impl Workspace {
    /// As cargo sees it now.
    pub(crate) fn of_this_repository() -> Self {
        let version = cargo(&["-vV"]).expect("cargo tells its version");
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
        // Without the filter, packages of all platforms would be downloaded.
        let json = locked(&["metadata", "--format-version=1", "--filter-platform", host]);
        Self::new(&serde_json::from_str(&json).expect("cargo writes JSON"))
    }

    pub(crate) fn new(metadata: &Value) -> Self {
        let ids: BTreeSet<_> =
            list(metadata, "workspace_members").filter_map(Value::as_str).collect();
        let packages = || list(metadata, "packages");
        Self {
            members: packages()
                .filter(|package| ids.contains(text(package, "id").as_str()))
                .map(Member::new)
                .collect(),
            names: packages().map(|p| (text(p, "id"), text(p, "name"))).collect(),
            resolved: list(&metadata["resolve"], "nodes")
                .map(|node| {
                    let normal = list(node, "deps")
                        .filter(|dep| list(dep, "dep_kinds").any(|kind| kind["kind"].is_null()));
                    (text(node, "id"), normal.map(|dep| text(dep, "pkg")).collect())
                })
                .collect(),
        }
    }

    /// The names of all that a package brings into a build, without those that are `left_out` and what only they
    /// bring.
    pub(crate) fn tree(&self, id: &str, left_out: &[&str]) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            let wanted = |id: &&String| !left_out.contains(&self.names[*id].as_str());
            let new = self.resolved[next].iter().filter(wanted);
            let new = new.filter(|id| seen.insert(id.as_str()));
            open.extend(new.map(String::as_str));
        }
        seen.into_iter().map(|id| self.names[id].as_str()).collect()
    }
}

impl Member {
    fn new(package: &Value) -> Self {
        let manifest = PathBuf::from(text(package, "manifest_path"));
        Self {
            id: text(package, "id"),
            name: text(package, "name"),
            dir: manifest.parent().expect("a manifest lies in a directory").to_owned(),
            published: package["publish"]
                .as_array()
                .is_none_or(|registries| !registries.is_empty()),
            dependencies: list(package, "dependencies")
                .map(|dependency| Dependency {
                    name: text(dependency, "name"),
                    dev: dependency["kind"] == "dev",
                    optional: dependency["optional"] == true,
                })
                .collect(),
        }
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

/// The names of all that a package is built with, itself included, when it has these features alone.
pub(crate) fn built(package: &str, features: &str) -> BTreeSet<String> {
    let tree = ["tree", "--package", package, "--no-default-features", "--features", features];
    let lines = locked(&[&tree[..], &["--edges=normal,build", "--prefix=none"]].concat());
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// What cargo says without changing the lock file, and without the network where that will do.
fn locked(arguments: &[&str]) -> String {
    let offline = cargo(&[arguments, &["--frozen"]].concat());
    let output = offline.or_else(|_| cargo(&[arguments, &["--locked"]].concat()));
    output.unwrap_or_else(|error| panic!("cargo {}: {error}", arguments.join(" ")))
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(root()).output();
    let output = output.map_err(|error| format!("cargo does not start: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).expect("cargo writes UTF-8")),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
