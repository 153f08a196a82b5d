use super::{check, section};

#[test]
fn header_is_what_the_code_says() {
    check().unwrap();
}

#[test]
fn constant_becomes_a_definition_with_its_words() {
    let text = section("/// Uses [`crate::structs::ErrInfo`].\npub const QUIC_X: u32 = 0x1_0000;");
    assert_eq!(
        text.unwrap(),
        "/* Uses struct quic_errinfo. */\n#define QUIC_X 0x10000\n"
    );
}

#[test]
fn layout_becomes_a_structure_with_its_offsets() {
    let text = section(
        "layout! {\n/// Two.\npub struct TwoThings: 8 {\n/// A.\na: u8 = 0,\n/// B.\nb: [u8; 3] = 1,\n/// C.\nevent_type: i32 = 4,\n}\n}",
    );
    assert_eq!(
        text.unwrap(),
        "\n/* Two. */\n/* 8 bytes. */\nstruct quic_two_things {\n\t/* A. */\n\t__u8\ta;\t/* 0 */\n\t/* B. */\n\t__u8\tb[3];\t/* 1 */\n\t/* C. */\n\t__s32\ttype;\t/* 4 */\n};\n\n"
    );
}

#[test]
fn constant_of_another_header_is_left_out() {
    assert_eq!(section("pub const SO_X: i32 = 1;").unwrap(), "");
}
