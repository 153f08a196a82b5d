use super::{Error, home_by_name};

#[test]
fn the_home_is_the_embedded_one_unless_another_is_asked_for() {
    assert_eq!(home_by_name(None), Ok(()));
    assert_eq!(home_by_name(Some("embedded".into())), Ok(()));
    let kernel = home_by_name(Some("kernel".into()));
    assert_eq!(kernel, Err(Error::NoSuchHome("kernel".into())));
}
