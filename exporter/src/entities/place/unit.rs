//! The systemd unit of a path, by the rules of systemd's own `cg_path_get_unit` and `unit_name_is_valid`.

/// The longest name of a unit (`UNIT_NAME_MAX` counts the closing zero).
const LONGEST: usize = 255;

/// Kinds of units that have cgroups, besides slices.
const KINDS: [&str; 5] = ["service", "scope", "socket", "mount", "swap"];

/// A unit on the way from the root to a cgroup.
pub(super) struct Unit {
    /// Its name, without the underscore that keeps names apart from the kernel's files.
    pub(super) name: String,
    /// How many names stand above it.
    pub(super) depth: usize,
    /// It groups units, and nobody but systemd makes cgroups in it.
    pub(super) is_slice: bool,
}

impl Unit {
    /// The first unit that is no slice, else the innermost slice. `None` if the first name is no unit's.
    pub(super) fn of(names: &[&str]) -> Option<Self> {
        let slices = names.iter().take_while(|name| is_slice(unescape(name))).count();
        if let Some(name) = names.get(slices).map(|name| unescape(name))
            && is_leaf(name)
        {
            return Some(Self { name: name.into(), depth: slices, is_slice: false });
        }
        let (name, depth) = match slices.checked_sub(1) {
            Some(last) => (unescape(names[last]), last),
            None if names.is_empty() => ("-.slice", 0),
            None => return None,
        };
        Some(Self { name: name.into(), depth, is_slice: true })
    }
}

/// Whether a user's service manager has this cgroup: everything below is that user's to name.
pub(super) fn is_user_manager(name: &str) -> bool {
    unescape(name).starts_with("user@") && is_leaf(unescape(name))
}

fn unescape(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

fn is_slice(name: &str) -> bool {
    // Slices have no instances.
    matches!(split(name), Some((stem, "slice")) if !stem.contains('@'))
}

fn is_leaf(name: &str) -> bool {
    split(name).is_some_and(|(stem, kind)| {
        KINDS.contains(&kind)
            // `name@instance`: a template without an instance never runs.
            && stem.split_once('@').is_none_or(|(prefix, instance)| !prefix.is_empty() && !instance.is_empty())
    })
}

fn split(name: &str) -> Option<(&str, &str)> {
    let (stem, kind) = name.rsplit_once('.').filter(|_| name.len() <= LONGEST)?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    (!stem.is_empty() && stem.bytes().all(valid)).then_some((stem, kind))
}
