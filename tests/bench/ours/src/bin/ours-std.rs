//! barewire on std, with a thread for each connection.

fn main() -> std::io::Result<()> {
    bench_ours::run(barewire_std::Std::default())
}
