use super::*;
use clap::CommandFactory as _;

#[test]
fn command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_teaches_with_examples() {
    for command in Cli::command().get_subcommands() {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(help.contains("Examples:"), "{}", command.get_name());
    }
}

#[test]
fn streams_have_their_bounds() {
    assert_eq!((streams("1"), streams("64")), (Ok(1), Ok(64)));
    assert!(streams("0").is_err() && streams("65").is_err() && streams("x").is_err());
}

#[test]
fn seconds_have_their_bounds() {
    assert!(seconds("0.5").is_ok() && seconds("86400").is_ok());
    assert!(seconds("-1").is_err() && seconds("NaN").is_err() && seconds("86401").is_err());
}
