//! `replay SEED RECORD`: plays the script by aws-lc and compares with the record that another home has made of it.

use std::env;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use inquic_platform::Platform;
use inquic_platform::aws_lc::AwsLc;
use inquic_replay::{compare, play};

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [seed, other] = words.as_slice() else {
        return Err("replay SEED RECORD".to_owned());
    };
    let seed = seed.parse().map_err(|error| format!("{seed}: {error}"))?;
    let other = fs::read(other).map_err(|error| format!("{other}: {error}"))?;
    let home: Arc<dyn Platform> = Arc::new(AwsLc::new());
    let mut record = Vec::new();
    let played = play(&home, seed, &mut |bytes| record.extend_from_slice(bytes));
    let played = played.map_err(|wrong| format!("seed {seed}: there should have been: {wrong}"))?;
    match compare(&record, &other) {
        None => Ok(format!("seed {seed}: the same {played}")),
        Some(difference) => Err(format!("seed {seed}: {difference}")),
    }
}
