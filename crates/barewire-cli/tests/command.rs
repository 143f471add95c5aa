//! The command as it is built: what crosses crates is tested in `tests/`, on the binary that this test makes
//! cargo build.

use std::process::Command;

#[test]
fn it_names_its_subcommands_and_its_version() {
    let run = |argument: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_barewire")).arg(argument).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let help = run("--help");
    for subcommand in ["get", "serve", "echo"] {
        assert!(help.contains(subcommand), "{help}");
    }
    assert_eq!(run("--version"), concat!("barewire ", env!("CARGO_PKG_VERSION"), "\n"));
}
