use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use tempfile::NamedTempFile;

use super::Calls;
use crate::error::{Doing, Error};
use crate::load::Run;
use crate::server::{Running, signal};

pub(super) fn count(
    server: &Running,
    load: &mut dyn FnMut() -> Result<Run, Error>,
) -> Result<Calls, Error> {
    let output = NamedTempFile::new().doing("make a file for strace")?;
    let mut strace = attach(server, &output)?;
    let run = load();
    signal(&strace, Signal::INT).doing("end strace")?;
    strace.wait().doing("end strace")?;
    let answers = run?.answers as f64;
    let summary = fs::read_to_string(output.path()).doing("read what strace wrote")?;
    let calls: Calls =
        totals(&summary).map(|(name, number)| (name.to_owned(), number / answers)).collect();
    if calls.is_empty() { Err(Error::NoTotals { program: "strace" }) } else { Ok(calls) }
}

/// Returns once strace says that it traces every thread.
fn attach(server: &Running, output: &NamedTempFile) -> Result<Child, Error> {
    let pid = server.pid().to_string();
    let mut command = Command::new("strace");
    command.args(["-c", "-f", "-p", &pid, "-o"]).arg(output.path());
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|_| Error::MissingTool { program: "strace" })?;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            if line.doing("read what strace says")?.contains("attached") {
                return Ok(child);
            }
        }
    }
    Err(Error::NoTotals { program: "strace" })
}

/// The calls and their numbers, from a summary of these columns: % time, seconds, usecs/call,
/// calls, errors where there were any, name.
fn totals(summary: &str) -> impl Iterator<Item = (&str, f64)> {
    summary.lines().filter_map(|line| {
        let columns: Vec<_> = line.split_ascii_whitespace().collect();
        let name = columns.last().filter(|name| **name != "total")?;
        columns.first()?.parse::<f64>().ok()?;
        Some((*name, columns.get(3)?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read_with_and_without_errors() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.060000           3     20000       100 recvfrom
 40.00    0.040000           2     19000           sendto
------ ----------- ----------- --------- --------- ----------------
100.00    0.100000           2     39000       100 total
";
        let totals: Vec<_> = totals(summary).collect();
        assert_eq!(totals, [("recvfrom", 20_000.0), ("sendto", 19_000.0)]);
    }
}
