//! `cargo xtask`: the commands that test, measure and prove this tree. In: a command line; out: a report and an exit
//! code. Nothing here is linked into what ships.

mod shell;
mod step;

use clap::{Parser, Subcommand};

/// Tests, measurements and proofs of inquic.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {}
}
