//! C layouts as Rust types: bytes of a program in, a value out, and back; never a pointer, never an alignment to trust.

/// A structure of the ABI, readable from and writable to the bytes of a program.
///
/// Programs may be compiled against a shorter or longer version of a structure: what they do not give counts as zero, and
/// what they have no room for is not written.
pub trait Layout: Sized {
    /// Bytes of the structure in C.
    const SIZE: usize;

    /// Reads the structure from as many bytes as there are; missing ones count as zero.
    #[must_use]
    fn read(bytes: &[u8]) -> Self;

    /// Writes as much of the structure as fits into `out`; returns how many bytes that was.
    fn write(&self, out: &mut [u8]) -> usize;
}

/// A field type that C and Rust lay out alike.
pub(crate) trait Field: Sized {
    fn get(bytes: &[u8], offset: usize) -> Self;
    fn put(&self, out: &mut [u8], offset: usize);
}

/// The bytes of `bytes` from `offset`, zero where there are none.
pub(crate) fn take<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut value = [0; N];
    let given = bytes.get(offset..).unwrap_or(&[]);
    for (to, from) in value.iter_mut().zip(given) {
        *to = *from;
    }
    value
}

/// Writes `value` at `offset` of `out`, as far as it fits.
pub(crate) fn give(value: &[u8], out: &mut [u8], offset: usize) {
    let room = out.get_mut(offset..).unwrap_or(&mut []);
    for (to, from) in room.iter_mut().zip(value) {
        *to = *from;
    }
}

macro_rules! number_field {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn get(bytes: &[u8], offset: usize) -> Self {
                Self::from_ne_bytes(take(bytes, offset))
            }
            fn put(&self, out: &mut [u8], offset: usize) {
                give(&self.to_ne_bytes(), out, offset);
            }
        }
    )*};
}
number_field!(u8, u16, u32, u64, i32, i64);

impl<const N: usize> Field for [u8; N] {
    fn get(bytes: &[u8], offset: usize) -> Self {
        take(bytes, offset)
    }
    fn put(&self, out: &mut [u8], offset: usize) {
        give(self, out, offset);
    }
}

/// Declares a `repr(C)` structure with its size and the offset of each field, and asserts both.
macro_rules! layout {
    ($(#[$meta:meta])* pub struct $name:ident: $size:literal { $($(#[$field_meta:meta])* $field:ident: $type:ty = $offset:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        const _: () = assert!(size_of::<$name>() == $size);
        $(const _: () = assert!(core::mem::offset_of!($name, $field) == $offset);)*

        impl $crate::layout::Layout for $name {
            const SIZE: usize = $size;

            fn read(bytes: &[u8]) -> Self {
                Self { $($field: $crate::layout::Field::get(bytes, $offset),)* }
            }

            fn write(&self, out: &mut [u8]) -> usize {
                let size = out.len().min($size);
                // Padding goes out as zero, never as what lay in memory.
                out.iter_mut().take(size).for_each(|byte| *byte = 0);
                $($crate::layout::Field::put(&self.$field, out, $offset);)*
                size
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $crate::layout::Layout::read(&[])
            }
        }
    };
}
