use super::*;

fn file(name: &str) -> String {
    fs::read_to_string(shell::root().join("kernel").join(name)).unwrap()
}

#[test]
fn dkms_debian_and_cargo_have_the_same_version() {
    let dkms = version().unwrap();
    let cargo = file("Cargo.toml");
    assert!(cargo.contains(&format!("\nversion = \"{dkms}\"\n")));
    let debian = file("debian/changelog");
    assert!(debian.starts_with(&format!("inquic-kernel ({dkms}) ")));
}

#[test]
fn dkms_builds_for_the_series_that_is_tested_and_for_no_other() {
    let conf = file("dkms.conf");
    let series = module::SERIES.replace('.', "\\.");
    let exclusive = setting(&conf, "BUILD_EXCLUSIVE_KERNEL");
    assert_eq!(exclusive, Some(format!("^{series}").as_str()));
}

#[test]
fn a_setting_that_is_not_there_is_none() {
    assert_eq!(setting("A=\"b\"\n", "A"), Some("b"));
    assert_eq!(setting("AB=\"b\"\n", "A"), None);
}
