use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use tempfile::TempDir;

use super::Calls;
use crate::error::{Doing, Error};
use crate::load::Run;
use crate::server::{Running, signal};

/// The calls that a server may live on; any others are counted together.
const NAMED: [&str; 24] = [
    "accept4",
    "brk",
    "clock_nanosleep",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "futex",
    "io_uring_enter",
    "madvise",
    "mmap",
    "munmap",
    "poll",
    "ppoll",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "sched_yield",
    "sendmsg",
    "sendto",
    "timerfd_settime",
    "write",
    "writev",
];

const ALL: &str = "raw_syscalls:sys_enter";

/// Whether perf may count system calls: it is installed, and the system lets this user.
pub(super) fn is_there() -> bool {
    let mut perf = Command::new("perf");
    perf.args(["stat", "-e", ALL, "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    perf.status().is_ok_and(|status| status.success())
}

pub(super) fn count(
    server: &Running,
    load: &mut dyn FnMut() -> Result<Run, Error>,
) -> Result<Calls, Error> {
    let directory = TempDir::new().doing("make a directory for perf")?;
    let output = directory.path().join("output");
    let mut perf = attach(server, directory.path(), &output).doing("start perf")?;
    let run = load();
    signal(&perf, Signal::INT).doing("end perf")?;
    perf.wait().doing("end perf")?;
    let answers = run?.answers as f64;
    let output = fs::read_to_string(output).doing("read what perf wrote")?;
    let (all, mut named) = totals(&output).ok_or(Error::NoTotals { program: "perf" })?;
    let others = all - named.iter().map(|(_, number)| number).sum::<f64>();
    named.push(("others".to_owned(), others));
    Ok(named.into_iter().map(|(name, number)| (name, number / answers)).collect())
}

/// Returns once perf says that it counts.
fn attach(server: &Running, directory: &Path, output: &Path) -> io::Result<Child> {
    let [control, answer] = ["control", "answer"].map(|name| directory.join(name));
    for fifo in [&control, &answer] {
        mknodat(CWD, fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    }
    // Opened for both, neither open waits for the other side.
    let open = |path| File::options().read(true).write(true).open(path);
    let (mut to_perf, mut from_perf) = (open(&control)?, open(&answer)?);
    let events = NAMED.map(|name| format!(",syscalls:sys_enter_{name}")).concat();
    let child = Command::new("perf")
        .args(["stat", "-x", ",", "--delay=-1", "-e", &format!("{ALL}{events}")])
        .args(["-p", &server.pid().to_string()])
        .arg(format!("--control=fifo:{},{}", control.display(), answer.display()))
        .arg("-o")
        .arg(output)
        .stdin(Stdio::null())
        .spawn()?;
    to_perf.write_all(b"enable\n")?;
    from_perf.read_exact(&mut [0; b"ack\n".len()])?;
    Ok(child)
}

/// All calls, and those that are named, from lines of `number,,event,...`.
fn totals(output: &str) -> Option<(f64, Calls)> {
    let mut all = None;
    let mut named = Vec::new();
    for line in output.lines() {
        let mut columns = line.split(',');
        let (Some(number), Some(event)) = (columns.next(), columns.nth(1)) else { continue };
        let Ok(number) = number.parse() else { continue };
        match event.strip_prefix("syscalls:sys_enter_") {
            Some(name) => named.push((name.to_owned(), number)),
            None if event == ALL => all = Some(number),
            None => {}
        }
    }
    Some((all?, named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_event() {
        let output = "# started\n\n30,,raw_syscalls:sys_enter,5,100.00,,\n\
                      20,,syscalls:sys_enter_sendto,5,100.00,,\n\
                      <not counted>,,syscalls:sys_enter_poll,0,100.00,,\n";
        let (all, named) = totals(output).unwrap();
        assert_eq!((all, named), (30.0, vec![("sendto".to_owned(), 20.0)]));
    }
}
