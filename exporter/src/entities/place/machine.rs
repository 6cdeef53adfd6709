//! System containers, which have names instead of ids: LXC's and systemd-nspawn's.

use super::container::{Container, Runtime, Sight};

/// The kernel's limit on names of cgroups, in bytes.
const LONGEST: usize = 255;

/// Drivers of libvirt, which registers its machines as `<driver>-<number>-<name>`.
const LIBVIRT: [&str; 3] = ["qemu", "lxc", "ch"];

/// What the cgroup `name` is to a system container.
pub(super) fn sight(above: &[&str], name: &str, below: Option<&str>) -> Option<Sight> {
    lxc(above, name).or_else(|| nspawn(above, name, below))
}

fn lxc(above: &[&str], name: &str) -> Option<Sight> {
    let machine = |id: &str| is_name(id).then(|| Container { runtime: Runtime::Lxc, id: id.into() });
    // LXC 4 and later has one directory for each, LXC 3.1 and 3.2 had them in two.
    if let Some(id) = name.strip_prefix("lxc.payload.") {
        return machine(id).map(Sight::Container);
    }
    if let Some(id) = name.strip_prefix("lxc.monitor.") {
        return machine(id).map(Sight::Monitor);
    }
    match above {
        [.., "lxc.payload"] => machine(name).map(Sight::Container),
        [.., "lxc.monitor"] => machine(name).map(Sight::Monitor),
        // Before, and on Proxmox VE, whose machines have their own tree in `ns`. A directory called `lxc` elsewhere
        // may be anything.
        ["lxc"] | ["ns", "lxc"] => machine(name).map(Sight::Container),
        _ => None,
    }
}

fn nspawn(above: &[&str], name: &str, below: Option<&str>) -> Option<Sight> {
    let id = if let Some(instance) = name.strip_prefix("systemd-nspawn@") {
        unescape(instance.strip_suffix(".service")?)?
    } else {
        let slice = above.last()?.strip_suffix(".slice")?;
        let id = unescape(name.strip_prefix("machine-")?.strip_suffix(".scope")?)?;
        if slice != "machine" && !slice.starts_with("machine-") || is_libvirt(&id) {
            return None;
        }
        id
    };
    let machine = is_name(&id).then_some(Container { runtime: Runtime::Nspawn, id })?;
    Some(if below == Some("supervisor") { Sight::Monitor(machine) } else { Sight::Container(machine) })
}

/// Virtual machines, and containers that libvirt runs itself, are told as units.
fn is_libvirt(machine: &str) -> bool {
    let mut parts = machine.splitn(3, '-');
    parts.next().is_some_and(|driver| LIBVIRT.contains(&driver))
        && parts.next().is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Letters, digits, dots, dashes and underscores: what the tools allow in names, and nothing that would
/// look like more than a name.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Undoes systemd's escapes (`\x2d`). `None` if there is a backslash that begins none.
fn unescape(text: &str) -> Option<String> {
    let mut pieces = text.split('\\');
    let mut plain = String::from(pieces.next()?);
    for piece in pieces {
        let digits = piece
            .strip_prefix('x')?
            .get(..2)
            .filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)?;
        plain.push(char::from(byte));
        plain.push_str(&piece[3..]);
    }
    Some(plain)
}
