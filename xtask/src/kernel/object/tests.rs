use super::{
    is_float_routine, parse_references, register_findings, relocation_findings, symbol_findings,
};

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
