//! Reading the kernel's structures.
//!
//! Field offsets are frozen constants that user space took from the running kernel's BTF. To the verifier a
//! frozen constant is a known number, so pointer plus offset is an ordinary, checked field access: it costs
//! one instruction, where `bpf_probe_read_kernel` costs a call. A branch on a frozen constant is pruned.

use core::arch::asm;

use aya_ebpf::helpers::bpf_probe_read_kernel;

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

/// The same number, of whose range the verifier knows nothing any more. Before 6.12 or so it follows ways that cannot be gone, on
/// which a number is at once below and not below a limit, and refuses what would be done with it there.
#[inline(always)]
pub fn of_any_size(number: u32) -> u64 {
    let mut number = u64::from(number);
    // SAFETY: changes the register twice, back to what it was.
    unsafe { asm!("{n} = -{n}", "{n} = -{n}", n = inout(reg) number, options(pure, nomem, nostack)) };
    number
}

/// A way to the fields of one of the kernel's structures.
pub trait Pointer: Copy {
    /// The value of the field at `offset`; zero when the pointer is stale.
    fn read<T: Copy + Default>(self, offset: u32) -> T;

    /// Follows the pointer at `offset`.
    fn follow(self, offset: u32) -> Self;
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

    /// The low half of the address. The verifier lets nobody calculate with a pointer, but half a copy of one
    /// is a number.
    #[inline(always)]
    pub fn address_bits(self) -> u32 {
        let bits: u64;
        // SAFETY: copies a register.
        unsafe { asm!("w0 = w1", in("r1") self.0, out("r0") bits, options(pure, nomem, nostack)) };
        bits as u32
    }

    /// The error that stands in the place of a pointer, if one does (`IS_ERR`, include/linux/err.h).
    #[inline(always)]
    pub fn error(self) -> Option<u32> {
        let is_error: u64;
        // SAFETY: compares two registers' values.
        unsafe {
            asm!("r0 = 0", "if r1 < -4095 goto +1", "r0 = 1", in("r1") self.0, out("r0") is_error,
                options(pure, nomem, nostack));
        }
        if is_error == 1 { Some(self.address_bits().wrapping_neg()) } else { None }
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

    /// The structure that is part of this one at `offset`.
    #[inline(always)]
    pub fn part(self, offset: u32) -> Self {
        Self(self.address_of(offset))
    }
}

impl Pointer for Struct {
    #[inline(always)]
    fn read<T: Copy + Default>(self, offset: u32) -> T {
        Struct::read(self, offset)
    }

    #[inline(always)]
    fn follow(self, offset: u32) -> Self {
        Struct::follow(self, offset)
    }
}

/// The address of a structure of which the verifier knows nothing: every access is a call.
#[derive(Clone, Copy)]
pub struct Address(pub u64);

impl Pointer for Address {
    #[inline(always)]
    fn read<T: Copy + Default>(self, offset: u32) -> T {
        // SAFETY: the helper copes with any address.
        unsafe { bpf_probe_read_kernel((self.0 + u64::from(offset)) as *const T) }.unwrap_or_default()
    }

    #[inline(always)]
    fn follow(self, offset: u32) -> Self {
        Self(self.read(offset))
    }
}
