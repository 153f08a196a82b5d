use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0F";

fn identities(text: &str) -> Vec<Vec<u8>> {
    let keys = keys(text.as_bytes()).expect("keys");
    keys.iter().map(|key| key.identity().to_vec()).collect()
}

fn refused(text: &str) -> String {
    keys(text.as_bytes()).expect_err("refused").to_string()
}

#[test]
fn each_line_is_a_key_in_the_order_of_the_file() {
    let text = format!("one:{KEY}\r\n\n  with:colon:{KEY}\n");
    assert_eq!(identities(&text), [b"one".to_vec(), b"with:colon".to_vec()]);
}

#[test]
fn an_identity_may_be_in_hexadecimal() {
    assert_eq!(identities(&format!("#00ff:{KEY}")), [vec![0, 255]]);
    assert!(refused(&format!("#00f:{KEY}")).contains("after # is in hexadecimal"));
}

#[test]
fn what_is_no_key_is_refused() {
    assert!(refused("").contains("a line identity:key is needed"));
    assert!(refused("one").contains("a line is identity:key"));
    assert!(refused("one:0g").contains("a key is in hexadecimal"));
    assert!(refused("one:001").contains("a key is in hexadecimal"));
    assert!(refused(&format!(":{KEY}")).contains("1 to 1024 bytes"));
}

#[test]
fn a_key_has_sixteen_to_a_thousand_bytes() {
    let of = |len: usize| format!("one:{}", "ab".repeat(len));
    assert!(refused(&of(15)).contains("16 to 1024"));
    assert_eq!(identities(&of(16)).len(), 1);
    assert_eq!(identities(&of(1024)).len(), 1);
    assert!(refused(&of(1025)).contains("16 to 1024"));
    assert!(refused(&format!("one:{}", "00".repeat(16))).contains("not all zeros"));
}

#[test]
fn an_identity_has_at_most_a_thousand_bytes() {
    let of = |len: usize| format!("{}:{KEY}", "i".repeat(len));
    assert_eq!(identities(&of(1024)).len(), 1);
    assert!(refused(&of(1025)).contains("1 to 1024 bytes"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = SharedKey::in_file("/nowhere/keys").expect_err("refused");
    assert!(error.to_string().starts_with("/nowhere/keys: "), "{error}");
}
