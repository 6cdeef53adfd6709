//! The running kernel's type information (BTF): field offsets, enum values, tracepoint prototypes.
//!
//! A reader of our own, because aya's keeps members to itself; the format is in
//! Documentation/bpf/btf.rst. Only what the kernel itself exports is read, so nothing here is hostile, but a
//! truncated file must not panic.

use std::{cell::OnceCell, fs, io, path::Path};

use rustc_hash::FxHashMap;
use thiserror::Error;

/// Where the kernel exports its BTF.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Why there is no type information, or not the wanted one.
#[derive(Debug, Error)]
pub enum BtfError {
    /// The file can't be read.
    #[error("{path}: {source}; the kernel needs CONFIG_DEBUG_INFO_BTF=y")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The file is not BTF.
    #[error("the kernel's BTF is malformed: {0}")]
    Malformed(&'static str),
    /// A field that every supported kernel has is missing.
    #[error("the running kernel has no field `{field}` in `struct {structure}`")]
    NoField {
        /// Name of the structure.
        structure: String,
        /// Path of the field.
        field: String,
    },
    /// aya, which loads programs, cannot read it.
    #[error("the kernel's BTF is of no use for loading programs: {0}")]
    Unloadable(#[from] aya::BtfError),
    /// An enum's value is missing.
    #[error("the running kernel has no enum value `{0}`")]
    NoValue(String),
}

/// Parsed type information.
pub struct Btf {
    data: Vec<u8>,
    strings: usize,
    /// Offset of each type's record; index 0 is `void`.
    types: Vec<u32>,
    /// First structure, union, enum or typedef with a name.
    by_name: FxHashMap<(Kind, Box<[u8]>), u32>,
    /// As aya reads it, once something is loaded.
    for_loading: OnceCell<aya::Btf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Structure,
    Enumeration,
    Typedef,
}

const HEADER: usize = 24;
const RECORD: usize = 12;

// BTF_KIND_* (include/uapi/linux/btf.h)
const PTR: u32 = 2;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const FUNC: u32 = 12;
const FUNC_PROTO: u32 = 13;
const ENUM64: u32 = 19;

impl Btf {
    /// The running kernel's.
    pub fn of_running_kernel() -> Result<Self, BtfError> {
        Self::read(Path::new(VMLINUX))
    }

    fn read(path: &Path) -> Result<Self, BtfError> {
        let data = fs::read(path)
            .map_err(|source| BtfError::Unreadable { path: path.display().to_string(), source })?;
        Self::parse(data)
    }

    fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        let mut btf = Self {
            data,
            strings: 0,
            types: vec![0],
            by_name: FxHashMap::default(),
            for_loading: OnceCell::new(),
        };
        if btf.data.get(..2) != Some(&[0x9f, 0xeb]) {
            return Err(BtfError::Malformed("wrong magic number"));
        }
        let header = btf.word(4)? as usize;
        let (type_offset, type_len) = (btf.word(8)? as usize, btf.word(12)? as usize);
        btf.strings = header + btf.word(16)? as usize;
        if header < HEADER {
            return Err(BtfError::Malformed("short header"));
        }
        let (mut at, end) = (header + type_offset, header + type_offset + type_len);
        while at < end {
            let id = btf.types.len() as u32;
            btf.types.push(at as u32);
            let (kind, members) = (btf.kind(at)?, btf.members(at)?);
            let named = match kind {
                STRUCT | UNION => Some(Kind::Structure),
                ENUM | ENUM64 => Some(Kind::Enumeration),
                TYPEDEF => Some(Kind::Typedef),
                _ => None,
            };
            if let Some(named) = named {
                let name = btf.name(btf.word(at)?);
                if !name.is_empty() && (named != Kind::Typedef || name.starts_with(b"btf_trace_")) {
                    let name = name.into();
                    btf.by_name.entry((named, name)).or_insert(id);
                }
            }
            at += RECORD + extra(kind, members).ok_or(BtfError::Malformed("unknown kind of type"))?;
        }
        Ok(btf)
    }

    /// The same for aya, which needs it to load programs. That is 100,000 records and 20 MB: made when it is first asked for,
    /// and once for all that is loaded.
    pub fn for_loading(&self) -> Result<&aya::Btf, BtfError> {
        if let Some(btf) = self.for_loading.get() {
            return Ok(btf);
        }
        let btf = aya::Btf::parse(&self.data, aya::Endianness::default())?;
        Ok(self.for_loading.get_or_init(|| btf))
    }

    /// Offset in bytes of a field that every supported kernel has. `field` may be a path (`se.cfs_rq`);
    /// anonymous members are looked through.
    pub fn offset(&self, structure: &str, field: &str) -> Result<u32, BtfError> {
        self.optional_offset(structure, field)
            .ok_or_else(|| BtfError::NoField { structure: structure.to_owned(), field: field.to_owned() })
    }

    /// As [`offset`](Self::offset), for a field that some kernels lack.
    pub fn optional_offset(&self, structure: &str, field: &str) -> Option<u32> {
        let mut id = *self.by_name.get(&(Kind::Structure, structure.as_bytes().into()))?;
        let mut offset = 0;
        for name in field.split('.') {
            let (bits, member) = self.member(id, name.as_bytes())?;
            offset += bits / 8;
            id = self.strip(member);
        }
        Some(offset)
    }

    /// The byte and the mask in it of a field that is one bit wide; `None` when there is none.
    pub fn bit(&self, structure: &str, field: &str) -> Option<(u32, u32)> {
        let id = *self.by_name.get(&(Kind::Structure, structure.as_bytes().into()))?;
        let (bits, _) = self.member(id, field.as_bytes())?;
        Some((bits / 8, 1 << (bits % 8)))
    }

    /// Size in bytes of a structure or union; `None` when there is none.
    pub fn size_of(&self, structure: &str) -> Option<u32> {
        let id = *self.by_name.get(&(Kind::Structure, structure.as_bytes().into()))?;
        self.word(*self.types.get(id as usize)? as usize + 8).ok()
    }

    /// The value of `name` in the enum `enumeration`.
    pub fn enum_value(&self, enumeration: &str, name: &str) -> Result<u64, BtfError> {
        self.enum_members(enumeration)
            .into_iter()
            .find_map(|(member, value)| (member == name).then_some(value))
            .ok_or_else(|| BtfError::NoValue(format!("{enumeration}::{name}")))
    }

    /// All values of an enum, in order; none when there is no such enum.
    pub fn enum_members(&self, enumeration: &str) -> Vec<(String, u64)> {
        let id = self.by_name.get(&(Kind::Enumeration, enumeration.as_bytes().into()));
        id.and_then(|id| self.values(*id)).unwrap_or_default()
    }

    /// The value of `name` in whatever enum, also one without a name, holds it.
    pub fn enumerator(&self, name: &str) -> Option<u64> {
        (1..self.types.len() as u32)
            .filter_map(|id| self.values(id))
            .flatten()
            .find_map(|(member, value)| (member == name).then_some(value))
    }

    /// Names of the types of a tracepoint's arguments, pointers with a `*` behind; `None` when the running
    /// kernel has no such tracepoint.
    pub fn tracepoint(&self, name: &str) -> Option<Vec<String>> {
        let typedef = *self.by_name.get(&(Kind::Typedef, format!("btf_trace_{name}").into_bytes().into()))?;
        // The first one is the probe's private data.
        Some(self.arguments(self.target(self.target(typedef)?)?)?.get(1..)?.to_vec())
    }

    /// Names of the types of a function's arguments, pointers with a `*` behind; `None` when the kernel has no function of
    /// this name that programs can be attached to.
    pub fn function(&self, name: &str) -> Option<Vec<String>> {
        let id = (1..self.types.len() as u32).find(|id| {
            let at = self.types[*id as usize] as usize;
            self.kind(at).is_ok_and(|kind| kind == FUNC)
                && self.word(at).is_ok_and(|offset| self.name(offset) == name.as_bytes())
        })?;
        self.arguments(self.target(id)?)
    }

    /// Names of the types of a prototype's arguments.
    fn arguments(&self, prototype: u32) -> Option<Vec<String>> {
        let at = *self.types.get(prototype as usize)? as usize;
        if self.kind(at).ok()? != FUNC_PROTO {
            return None;
        }
        (0..self.members(at).ok()?)
            .map(|n| self.type_name(self.word(at + RECORD + 8 * n + 4).ok()?))
            .collect()
    }

    fn type_name(&self, mut id: u32) -> Option<String> {
        let mut stars = String::new();
        loop {
            let at = *self.types.get(id as usize)? as usize;
            if id == 0 {
                return Some(format!("void{stars}"));
            }
            let name = self.name(self.word(at).ok()?);
            if !name.is_empty() {
                return Some(String::from_utf8_lossy(name).into_owned() + &stars);
            }
            if self.kind(at).ok()? == PTR {
                stars.push('*');
            }
            id = self.target(id)?;
        }
    }

    /// Bit offset and type of a member.
    fn member(&self, structure: u32, name: &[u8]) -> Option<(u32, u32)> {
        let at = *self.types.get(structure as usize)? as usize;
        if !matches!(self.kind(at).ok()?, STRUCT | UNION) {
            return None;
        }
        let has_bit_sizes = self.word(at + 4).ok()? >> 31 == 1;
        for n in 0..self.members(at).ok()? {
            let record = at + RECORD + 12 * n;
            let member = self.word(record + 4).ok()?;
            let offset = self.word(record + 8).ok()?;
            let bits = if has_bit_sizes { offset & 0xff_ffff } else { offset };
            let member_name = self.name(self.word(record).ok()?);
            if member_name == name {
                return Some((bits, member));
            }
            if member_name.is_empty()
                && let Some((inner, member)) = self.member(self.strip(member), name)
            {
                return Some((bits + inner, member));
            }
        }
        None
    }

    fn values(&self, enumeration: u32) -> Option<Vec<(String, u64)>> {
        let at = *self.types.get(enumeration as usize)? as usize;
        let width = match self.kind(at).ok()? {
            ENUM if enumeration > 0 => 8,
            ENUM64 => 12,
            _ => return None,
        };
        (0..self.members(at).ok()?)
            .map(|n| {
                let record = at + RECORD + width * n;
                let low = u64::from(self.word(record + 4).ok()?);
                let high = if width == 12 { u64::from(self.word(record + 8).ok()?) } else { 0 };
                let name = String::from_utf8_lossy(self.name(self.word(record).ok()?)).into_owned();
                Some((name, high << 32 | low))
            })
            .collect()
    }

    /// The type behind typedefs and qualifiers.
    fn strip(&self, mut id: u32) -> u32 {
        const QUALIFIERS: [u32; 5] = [TYPEDEF, 9, 10, 11, 18];
        while let Some(at) = self.types.get(id as usize).filter(|_| id > 0)
            && self.kind(*at as usize).is_ok_and(|kind| QUALIFIERS.contains(&kind))
            && let Some(target) = self.target(id)
        {
            id = target;
        }
        id
    }

    fn target(&self, id: u32) -> Option<u32> {
        self.word(*self.types.get(id as usize)? as usize + 8).ok()
    }

    fn kind(&self, at: usize) -> Result<u32, BtfError> {
        Ok(self.word(at + 4)? >> 24 & 31)
    }

    fn members(&self, at: usize) -> Result<usize, BtfError> {
        Ok(self.word(at + 4)? as usize & 0xffff)
    }

    fn word(&self, at: usize) -> Result<u32, BtfError> {
        let bytes = self.data.get(at..at + 4).ok_or(BtfError::Malformed("truncated"))?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn name(&self, offset: u32) -> &[u8] {
        let rest = self.data.get(self.strings + offset as usize..).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// Bytes that follow the record of a type with this kind.
fn extra(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        1 | 14 | 17 => 4,
        3 => 12,
        STRUCT | UNION | 15 | ENUM64 => 12 * members,
        ENUM | FUNC_PROTO => 8 * members,
        PTR | 7 | TYPEDEF | 9..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_running_kernel() {
        let btf = match Btf::of_running_kernel() {
            Ok(btf) => btf,
            Err(error) => return eprintln!("SKIPPED: no BTF on this machine: {error}"),
        };
        assert_eq!(btf.offset("list_head", "prev").expect("list_head"), 8);
        assert!(btf.offset("task_struct", "se.sum_exec_runtime").expect("field") > 0);
        assert_eq!(btf.size_of("list_head"), Some(16));
        let (byte, mask) = btf.bit("task_struct", "in_iowait").expect("a bit");
        assert!(byte > 0 && byte < btf.size_of("task_struct").expect("size") && mask.is_power_of_two());
        assert!(btf.offset("task_struct", "no_such_field").is_err());
        assert_eq!(
            btf.enum_value("req_op", "REQ_OP_WRITE").or(btf.enum_value("req_opf", "REQ_OP_WRITE")).ok(),
            Some(1)
        );
        assert_eq!(btf.enumerator("CSS_ONLINE"), Some(2));
        let switch = btf.tracepoint("sched_switch").expect("sched_switch");
        assert_eq!(&switch[..3], ["bool", "task_struct*", "task_struct*"]);
        assert_eq!(btf.tracepoint("no_such_tracepoint"), None);
        let fault = btf.function("filemap_fault").expect("filemap_fault");
        assert_eq!((&fault[..], btf.function("no_such_function")), (&["vm_fault*".to_owned()][..], None));
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(Btf::parse(b"not BTF at all".to_vec()).is_err());
        let mut truncated = fs::read(VMLINUX).unwrap_or_default();
        truncated.truncate(100_000);
        assert!(Btf::parse(truncated).is_err());
    }
}
