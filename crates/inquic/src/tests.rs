use crate::error::Error;
use crate::kernel::{Choice, Home, Settings};

fn home(
    choice: Choice,
    is_there: bool,
    settings: Result<(), &'static str>,
) -> Result<&'static str, Error> {
    let usual =
        Settings::of(&inquic_engine::Config::default()).expect("the kernel has all that is usual");
    let home = choice.home(|| is_there, settings.map(|()| usual))?;
    Ok(match home {
        Home::Embedded => "embedded",
        Home::Kernel(_) => "kernel",
    })
}

#[test]
fn the_environment_says_a_home_or_none() {
    assert_eq!(Choice::by_name(None), Ok(Choice::Free));
    assert_eq!(Choice::by_name(Some("".into())), Ok(Choice::Free));
    assert_eq!(
        Choice::by_name(Some("embedded".into())),
        Ok(Choice::Embedded)
    );
    assert_eq!(Choice::by_name(Some("kernel".into())), Ok(Choice::Kernel));
    let unknown = Choice::by_name(Some("elsewhere".into()));
    assert_eq!(unknown, Err(Error::NoSuchHome("elsewhere".into())));
}

#[test]
fn the_kernel_is_the_home_where_it_is_there_and_can_do_it() {
    assert_eq!(home(Choice::Free, true, Ok(())), Ok("kernel"));
    assert_eq!(home(Choice::Free, false, Ok(())), Ok("embedded"));
    assert_eq!(home(Choice::Free, true, Err("qlog")), Ok("embedded"));
    assert_eq!(home(Choice::Embedded, true, Ok(())), Ok("embedded"));
    assert_eq!(home(Choice::Kernel, true, Ok(())), Ok("kernel"));
}

#[test]
fn who_asks_for_the_kernel_is_told_why_it_cannot_be() {
    let absent = home(Choice::Kernel, false, Ok(()));
    assert_eq!(absent, Err(Error::NoSuchHome("kernel".into())));
    let unable = home(Choice::Kernel, true, Err("qlog"));
    assert!(matches!(unable, Err(Error::Config(why)) if why.contains("qlog")));
}

#[test]
fn settings_that_no_option_says_are_named() {
    let unable = |change: fn(crate::TransportConfig) -> crate::TransportConfig| {
        Settings::of(&change(crate::TransportConfig::default()).engine()).err()
    };
    assert_eq!(unable(|config| config.datagrams(true)), None);
    assert_eq!(
        unable(|config| config.keep_alive(std::time::Duration::from_secs(5))),
        None
    );
    assert_eq!(unable(|config| config.spin_bit(true)), Some("spin_bit"));
    assert_eq!(
        unable(|config| config.udp_payload(1_452)),
        Some("udp_payload")
    );
    assert_eq!(
        unable(crate::TransportConfig::insecure_disable_1rtt_encryption),
        Some("insecure_disable_1rtt_encryption")
    );
}
