use super::*;
use crate::conformance;

#[test]
fn packets_and_masks_are_those_of_the_published_vectors() {
    assert_eq!(conformance::check(&AwsLc::new()), Ok(()));
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |platform: &AwsLc| {
        let mut bytes = [0; 37];
        platform.random(&mut bytes);
        bytes
    };
    let platform = AwsLc::seeded(1);
    let first = bytes(&platform);
    assert_ne!(first, bytes(&platform));
    assert_eq!(first, bytes(&AwsLc::seeded(1)));
    assert_ne!(first, bytes(&AwsLc::seeded(2)));
    assert_ne!(bytes(&AwsLc::new()), bytes(&AwsLc::new()));
}
