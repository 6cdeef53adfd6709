//! Reading the kernel's structures.
//!
//! Field offsets are frozen constants that user space took from the running kernel's BTF. To the verifier a
//! frozen constant is a known number, so pointer plus offset is an ordinary, checked field access: it costs
//! one instruction, where `bpf_probe_read_kernel` costs a call. A branch on a frozen constant is pruned.

/// Reads a frozen constant: `frozen!(FIELDS.pid)`.
///
/// Volatile, because the compiler must not take the value it sees for the value there will be.
#[macro_export]
macro_rules! frozen {
    ($global:ident . $field:ident) => {
        // SAFETY: the global is a plain integer in read-only memory.
        unsafe { ::core::ptr::read_volatile(&raw const $global.$field) }
    };
}

/// A pointer to a structure of the kernel, known to the verifier.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Struct(*const u8);

impl Struct {
    /// A pointer from a program's arguments.
    #[inline(always)]
    pub const fn new(pointer: *const u8) -> Self {
        Self(pointer)
    }

    /// The pointer itself, for helpers.
    #[inline(always)]
    pub const fn as_ptr<T>(self) -> *mut T {
        self.0.cast_mut().cast()
    }

    /// Whether there is nothing.
    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Where a field lies, for helpers that copy it.
    #[inline(always)]
    pub fn address_of(self, offset: u32) -> *const u8 {
        self.0.wrapping_add(offset as usize)
    }

    /// The value of the field at `offset`. A stale pointer reads as zero, it never faults.
    #[inline(always)]
    pub fn read<T: Copy>(self, offset: u32) -> T {
        // SAFETY: the verifier checks the access against the structure's BTF.
        unsafe { core::ptr::read_volatile(self.address_of(offset).cast()) }
    }

    /// Follows the pointer at `offset`.
    #[inline(always)]
    pub fn follow(self, offset: u32) -> Self {
        Self(self.read(offset))
    }
}
