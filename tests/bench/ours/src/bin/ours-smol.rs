//! barewire on smol, on one thread, which runs the reactor and the tasks.

fn main() -> std::io::Result<()> {
    bench_ours::run(barewire_smol::Smol::with_threads(1)?)
}
