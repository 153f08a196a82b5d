use super::*;
use std::path::Path;

#[test]
fn hq_request_names_its_path() {
    assert_eq!(hq_path(&hq_request("/a/b")), Ok("/a/b"));
    assert_eq!(hq_path(b"GET /x"), Ok("/x"));
    assert!(hq_path(b"PUT /x\r\n").is_err());
}

#[test]
fn paths_out_of_the_directory_are_refused() {
    let directory = Directory::new(Path::new("/proc/self"));
    assert!(directory.read("/status").is_ok());
    for path in ["/../self/status", "//status/..", "/", "/./status", "/a\\b"] {
        assert!(directory.read(path).is_err(), "{path}");
    }
}

#[test]
fn http3_request_and_response_are_read_back() {
    let long = format!("/{}", "x".repeat(700));
    assert_eq!(
        http3::path_of(&http3::request("localhost", "/file")),
        Ok("/file".to_owned())
    );
    assert_eq!(
        http3::path_of(&http3::request("localhost", &long)),
        Ok(long)
    );
    assert_eq!(
        http3::body_of(&http3::response(Some(b"hello"))),
        Ok(b"hello".to_vec())
    );
    assert!(http3::body_of(&http3::response(None)).is_err());
}

#[test]
fn huffman_example_of_rfc_7541_c_4_1_is_decoded() {
    let coded = [
        0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
    ];
    assert_eq!(huffman::decode(&coded), Some(b"www.example.com".to_vec()));
    assert_eq!(huffman::decode(&[0x00, 0x00]), None);
}

#[test]
fn truncated_http3_is_an_error() {
    let whole = http3::request("localhost", "/file");
    for length in 0..whole.len() {
        assert!(http3::path_of(&whole[..length]).is_err());
    }
}
