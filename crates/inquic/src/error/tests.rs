use std::io;

use super::Error;

#[test]
fn every_message_is_one_line() {
    let errors = [
        Error::UnknownHost {
            host: "nowhere".into(),
            cause: "no such name".into(),
        },
        Error::PortInUse(([127, 0, 0, 1], 4433).into()),
        Error::NoAnswer {
            peer: ([127, 0, 0, 1], 9).into(),
        },
        Error::WrongName("a".into()),
        Error::ClosedByPeer {
            code: 7,
            reason: "a\nb".into(),
        },
    ];
    for error in errors {
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn an_error_keeps_its_meaning_as_an_io_error() {
    let error = io::Error::from(Error::Reset(7));
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    assert_eq!(inner.and_then(Error::peer_code), Some(7));
}

#[test]
fn an_empty_reason_is_not_shown() {
    let closed = Error::ClosedByPeer {
        code: 3,
        reason: String::new(),
    };
    assert_eq!(closed.to_string(), "closed by the peer with code 3");
}
