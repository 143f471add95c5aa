//! barewire's client on async-std, on one thread of its executor.

fn main() -> std::io::Result<()> {
    bench_our_clients::run(barewire_async_std::AsyncStd)
}
