use super::{
    FRAME, frame_findings, frames, is_float_routine, is_standard, parse_references,
    register_findings, relocation_findings, symbol_findings,
};

#[test]
fn function_of_the_standard_library_is_told_by_the_first_crate_in_its_name() {
    assert!(is_standard(
        "_RNvMs3_NtCs1_5alloc7raw_vecINtB5_6RawVecNtNtCs2_13inquic_engine6config6ConfigE8grow_oneBQ_"
    ));
    assert!(!is_standard(
        "_RNvXs7_NtCs3_15inquic_platform4timeNtB5_8DurationNtNtCs4_4core3fmt5Debug3fmt"
    ));
    assert!(!is_standard("_RNvCs3_15inquic_platform4zero"));
}

#[test]
fn routines_that_compute_with_floats_are_told_from_those_that_compute_with_integers() {
    for name in [
        "__adddf3",
        "__mulsf3",
        "__floatundidf",
        "__fixunsdfti",
        "__truncdfsf2",
        "__powidf2",
        "__ledf2",
    ] {
        assert!(is_float_routine(name), "{name}");
    }
    for name in [
        "__udivti3",
        "__umodti3",
        "__muloti4",
        "__negdi2",
        "__lshrti3",
        "memcpy",
        "__x86_return_thunk",
    ] {
        assert!(!is_float_routine(name), "{name}");
    }
}

#[test]
fn a_symbol_that_no_kernel_has_is_found() {
    let printed =
        "pthread_create U\n__x86_return_thunk U\n_RNvCs1_7___rustc12___rust_alloc U\nours T 0 10\n";
    let findings = symbol_findings(printed);
    assert_eq!(
        findings.into_iter().collect::<Vec<_>>(),
        ["no kernel has the symbol pthread_create"]
    );
}

#[test]
fn a_float_routine_that_is_linked_in_is_found() {
    let findings = symbol_findings("__adddf3 T 0 10\n");
    assert_eq!(
        findings.into_iter().collect::<Vec<_>>(),
        ["floating point: __adddf3"]
    );
}

#[test]
fn a_vector_register_is_found_in_its_function() {
    let printed = "0000000000000000 <copy>:\n   0:\tmov    %rax,%rbx\n0000000000000010 <sum>:\n  10:\tmovaps %xmm0,%xmm1\n";
    let findings = register_findings(printed);
    assert_eq!(
        findings.into_iter().collect::<Vec<_>>(),
        ["a vector or floating-point register in sum"]
    );
}

#[test]
fn references_of_code_are_read_and_those_of_debug_information_are_not() {
    let printed = "\
Relocation section '.rela.text.parse' at offset 0x40 contains 1 entry:
    Offset             Info             Type               Symbol's Value  Symbol's Name + Addend
00000000000000f5  0000003000000004 R_X86_64_PLT32         0000000000000000 panic_fmt - 4

Relocation section '.rela.debug_info' at offset 0x80 contains 1 entry:
0000000000000001  000000010000000a R_X86_64_32            0000000000000000 .debug_str + 0
";
    let references = parse_references(printed);
    assert_eq!(references.len(), 1);
    assert_eq!(references[0].section, ".text.parse");
    assert_eq!(references[0].symbol, "panic_fmt");
}

#[test]
fn a_relocation_that_the_module_loader_refuses_is_found() {
    let printed = "\
Relocation section '.rela.text.parse' at offset 0x40 contains 1 entry:
00000000000000f5  0000003000000009 R_X86_64_GOTPCREL      0000000000000000 memcpy - 4
";
    let findings = relocation_findings(&parse_references(printed));
    assert_eq!(
        findings.into_iter().collect::<Vec<_>>(),
        ["no module loader takes R_X86_64_GOTPCREL in .text.parse"]
    );
}

#[test]
fn a_frame_is_as_large_as_the_steps_or_the_loop_that_take_it() {
    let printed = "0000000000000000 <small>:\n   0:\tsub    $0x18,%rsp\n   4:\tadd    $0x18,%rsp\n\
        0000000000000010 <steps>:\n  10:\tsub    $0x1000,%rsp\n  17:\torq    $0x0,(%rsp)\n  1c:\tsub    $0xf8,%rsp\n\
        0000000000000030 <loops>:\n  30:\tlea    -0x3000(%rsp),%r11\n  38:\tsub    $0x1000,%rsp\n";
    let found: Vec<u64> = frames(printed)
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(found, [0x18, 0x10f8, 0x3000]);
}

#[test]
fn a_frame_of_the_bound_is_taken_and_one_beyond_is_found() {
    let line = |bytes: u64| format!("0000000000000000 <it>:\n   0:\tsub    ${bytes:#x},%rsp\n");
    assert_eq!(frame_findings(&line(FRAME)).len(), 0);
    assert_eq!(frame_findings(&line(FRAME + 8)).len(), 1);
}
