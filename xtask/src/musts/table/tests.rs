use super::{Row, parse, write};

#[test]
fn what_was_written_is_read() {
    let rows = [
        Row {
            section: "8.1".to_owned(),
            sentence: "A server \"MUST\" do \\ this.".to_owned(),
            tests: vec!["engine: one".to_owned(), "sim: two".to_owned()],
            excepted: None,
        },
        Row {
            section: "A".to_owned(),
            sentence: "IANA MUST.".to_owned(),
            tests: Vec::new(),
            excepted: Some("about documents".to_owned()),
        },
    ];
    assert_eq!(parse(&write(9000, &rows)).unwrap(), rows);
}

#[test]
fn what_is_no_row_is_refused() {
    for text in [
        "section = \"1\"\n",
        "[[requirement]]\nsection = 1\n",
        "[[requirement]]\nstatus = \"done\"\n",
        "[[requirement]]\nsection\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}
