//! barewire's client on smol, on one thread, which runs the reactor and the tasks.

fn main() -> std::io::Result<()> {
    bench_our_clients::run(barewire_smol::Smol::with_threads(1)?)
}
