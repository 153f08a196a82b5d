use super::*;

#[test]
fn every_code_survives_the_trip() {
    for code in (0..0x300).chain([(1 << 62) - 1]) {
        assert_eq!(Code::from_u64(code).to_u64(), code);
    }
}

#[test]
fn codes_have_the_numbers_of_the_rfc() {
    assert_eq!(Code::from_u64(0), Code::NoError);
    assert_eq!(Code::from_u64(0x0a), Code::ProtocolViolation);
    assert_eq!(Code::from_u64(0x10), Code::NoViablePath);
    assert_eq!(Code::from_u64(0x11), Code::VersionNegotiation);
    assert_eq!(Code::from_u64(0x12), Code::Other(0x12));
    assert_eq!(Code::from_u64(0x100), Code::Crypto(0));
    assert_eq!(Code::from_u64(0x1ff), Code::Crypto(255));
    assert_eq!(Code::from_u64(0x200), Code::Other(0x200));
}

#[test]
fn a_truncated_frame_is_a_frame_encoding_error() {
    let error = PeerError::from(Truncated);
    assert_eq!(error, PeerError::new(Code::FrameEncoding, "truncated"));
    assert_eq!(error.frame_type, 0);
    assert_eq!(error.in_frame(6).frame_type, 6);
}
