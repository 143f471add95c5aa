//! barewire's blocking client on std, with a thread for each request under way.

fn main() -> std::io::Result<()> {
    bench_our_clients::block(barewire_std::Std::default())
}
