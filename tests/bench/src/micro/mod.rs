use clap::Args;
#[derive(Debug, Args)]
pub(crate) struct Options {}
pub(crate) fn run(_: &Options) -> Result<(), crate::error::Error> {
    Ok(())
}
