use anyhow::anyhow;

use super::{Outcome, Report};

#[test]
fn a_run_with_a_failed_step_fails_and_names_the_count() {
    let mut report = Report::default();
    report.step("good", || Ok(Outcome::Passed));
    report.step("bad", || Err(anyhow!("broken")));
    let error = report.finish().unwrap_err();
    assert_eq!(error.to_string(), "1 of 2 steps failed");
}

#[test]
fn a_step_after_a_failed_one_still_runs() {
    let mut report = Report::default();
    let mut ran = false;
    report.step("bad", || Err(anyhow!("broken")));
    report.step("next", || {
        ran = true;
        Ok(Outcome::Passed)
    });
    assert!(ran);
}

#[test]
fn a_run_in_which_everything_was_skipped_fails() {
    let mut report = Report::default();
    report.step("interop", || Ok(Outcome::Skipped("no peers".to_owned())));
    assert!(report.finish().is_err());
}

#[test]
fn a_run_with_skipped_and_passed_steps_passes() {
    let mut report = Report::default();
    report.step("good", || Ok(Outcome::Passed));
    report.step("interop", || Ok(Outcome::Skipped("no peers".to_owned())));
    assert!(report.finish().is_ok());
}
