use super::*;

#[test]
fn an_option_that_the_kernel_has_not_taken_is_named() {
    let wanted = "# Why.\nCONFIG_KASAN=y\nCONFIG_LOCKDEP_BITS=17\n# CONFIG_SLUB_TINY is not set\n";
    let got = "CONFIG_KASAN=y\nCONFIG_LOCKDEP_BITS=15\n";
    assert_eq!(missing_options(wanted, got), ["CONFIG_LOCKDEP_BITS=17"]);
}

#[test]
fn a_tree_that_was_not_built_to_the_end_has_no_configuration() {
    let stamp = |text: &str| Stamp {
        file: PathBuf::new(),
        text: text.to_owned(),
    };
    let unpacked = stamp("6.12.117-1\n");
    assert_eq!(unpacked.sources(), Some("6.12.117-1"));
    assert_eq!(unpacked.configuration(), Some(""));
    let built = stamp("6.12.117-1\nCONFIG_KASAN=y\n");
    assert_eq!(built.configuration(), Some("CONFIG_KASAN=y\n"));
    assert_eq!(stamp("").sources(), None);
}
