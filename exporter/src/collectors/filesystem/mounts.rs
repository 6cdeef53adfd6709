//! Where file systems are mounted, as process 1 sees it.

use std::{fs, path::PathBuf};

/// A file system on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The device's name, without `/dev/`.
    pub(super) device: String,
    /// Where it is mounted first, if it is.
    pub(super) point: Option<String>,
}

/// The file system with this number, as the kernel writes it.
pub(super) fn of_device(number: u64) -> Mount {
    let (major, minor) = (number >> 20, number & 0xf_ffff);
    let device = format!("{major}:{minor}");
    let table = ["/proc/1/mountinfo", "/proc/self/mountinfo"].into_iter().find_map(|path| fs::read_to_string(path).ok());
    let found = table.as_deref().and_then(|table| find(table, &device));
    let source = found.as_ref().map(|(_, source)| source.trim_start_matches("/dev/").to_owned());
    // The source of a mount may be called by a label or another path.
    let link = fs::read_link(PathBuf::from("/sys/dev/block").join(&device)).ok();
    let name = link.and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned()));
    Mount { device: name.or(source).unwrap_or(device), point: found.map(|(point, _)| point) }
}

/// Mount point and source of the first mount of a device's whole tree, or of a part of it (`man 5 proc_pid_mountinfo`).
fn find(table: &str, device: &str) -> Option<(String, String)> {
    let mounts = table.lines().filter_map(|line| {
        let (fields, more) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(2);
        let (of, root, point) = (fields.next()?, fields.next()?, fields.next()?);
        let source = more.split(' ').nth(1)?;
        (of == device).then_some((root != "/", unescaped(point), unescaped(source)))
    });
    mounts.min_by_key(|(is_part, ..)| *is_part).map(|(_, point, source)| (point, source))
}

/// The kernel writes white space and backslashes as three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:1 /var /mnt/a\\040part rw,relatime shared:1 - ext4 /dev/vda1 rw
23 1 254:1 / / rw,relatime shared:1 master:2 - ext4 /dev/vda1 rw
24 1 254:1 / /again rw - ext4 /dev/vda1 rw
25 1 0:45 /only /home rw - btrfs /dev/mapper/home rw
";

    #[test]
    fn the_first_mount_of_the_whole_tree_counts() {
        assert_eq!(find(TABLE, "254:1"), Some(("/".to_owned(), "/dev/vda1".to_owned())));
        assert_eq!(find(TABLE, "0:45"), Some(("/home".to_owned(), "/dev/mapper/home".to_owned())));
        assert_eq!(find(TABLE, "254:2"), None);
        assert_eq!(unescaped("/a\\040b\\134040"), "/a b\\040");
    }

    #[test]
    fn a_device_that_is_not_mounted_is_called_by_its_number() {
        assert_eq!(of_device(4000 << 20 | 7), Mount { device: "4000:7".to_owned(), point: None });
    }
}
