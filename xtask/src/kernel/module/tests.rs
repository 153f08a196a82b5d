use super::*;

#[test]
fn the_newest_kernel_is_the_one_with_the_highest_point_release() {
    let printed = "\
linux-headers-6.12.94+deb12-amd64 - Header files for Linux 6.12.94+deb12-amd64
linux-headers-6.12.117+deb12-amd64 - Header files for Linux 6.12.117+deb12-amd64
linux-headers-6.12.117+deb12-cloud-amd64 - Header files for Linux 6.12.117+deb12-cloud-amd64
linux-headers-6.12.120+deb12-rt-amd64 - Header files for Linux 6.12.120+deb12-rt-amd64
linux-headers-6.12.120+deb12-common - Common header files for Linux 6.12.120+deb12
linux-headers-6.1.0-41-amd64 - Header files for Linux 6.1.0-41-amd64
";
    assert_eq!(newest(printed).as_deref(), Some("6.12.117+deb12-amd64"));
    assert_eq!(newest(""), None);
}

#[test]
fn warnings_are_noticed_but_for_that_of_another_build_of_the_compiler() {
    assert!(is_warning(
        "quic.o: warning: objtool: unexpected end of section"
    ));
    assert!(is_warning("shim/crypto.c:1:2: warning: unused variable"));
    assert!(!is_warning(
        "warning: the compiler differs from the one used to build the kernel"
    ));
    assert!(!is_warning("  LD [M]  quic.ko"));
}
