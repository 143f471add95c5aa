//! barewire on async-std, on one thread of its executor.

fn main() -> std::io::Result<()> {
    bench_ours::run(barewire_async_std::AsyncStd)
}
