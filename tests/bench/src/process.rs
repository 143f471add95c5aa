//! What Linux tells about a process: the processor time and memory it took, and where it may run.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Keeps this thread, and the processes it starts from now on, on one core.
pub(crate) fn pin_to(cpu: usize) -> io::Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}

/// Lets this process, and the servers it starts, open as many descriptors as the system allows.
pub(crate) fn raise_descriptor_limit(wanted: u64) -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(wanted);
    }
    let everything = Rlimit { current: Some(wanted), maximum: Some(wanted) };
    if limit.maximum.is_some_and(|maximum| maximum < wanted)
        && setrlimit(Resource::Nofile, everything).is_ok()
    {
        return Ok(wanted);
    }
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum })?;
    Ok(allowed)
}

/// User and system time of all living threads, in the nanoseconds of the scheduler.
///
/// Exact only while the process sleeps: the time slice in progress is not counted yet.
pub(crate) fn cpu_time(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
        let on_cpu = schedstat.split_ascii_whitespace().next().and_then(|time| time.parse().ok());
        nanoseconds += on_cpu.unwrap_or(0_u64);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Time that all cores together spent working for anyone, in ticks of 10 ms.
pub(crate) fn busy_time() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let total = stat.lines().next().unwrap_or_default();
    // user nice system idle iowait irq softirq steal
    let ticks = total.split_ascii_whitespace().skip(1).take(8).enumerate();
    let busy = ticks.filter(|(column, _)| !matches!(column, 3 | 4));
    let ticks: u64 = busy.filter_map(|(_, ticks)| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
    pub(crate) page_tables: u64,
    pub(crate) threads: u64,
}

pub(crate) fn memory(pid: u32) -> io::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(Memory {
        resident: field(&status, "VmRSS:") * 1024,
        peak: field(&status, "VmHWM:") * 1024,
        page_tables: field(&status, "VmPTE:") * 1024,
        threads: field(&status, "Threads:"),
    })
}

/// What the stacks of all threads of the system take inside the kernel, in bytes.
pub(crate) fn kernel_stacks() -> io::Result<u64> {
    Ok(field(&fs::read_to_string("/proc/meminfo")?, "KernelStack:") * 1024)
}

fn field(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.split_ascii_whitespace().next())
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

/// The processor's name, for the head of the report.
pub(crate) fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    format!("{cores} cores of {}, Linux {kernel}", model.map_or("unknown", |(_, name)| name.trim()))
}
