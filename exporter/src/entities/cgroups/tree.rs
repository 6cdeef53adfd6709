//! A walk through a hierarchy's directories. The inode number of each is the cgroup's id.
//!
//! Anybody to whom a part of the tree was delegated can make directories there, as deep and with names as
//! bad as they like, and remove or rename them while we walk. So nothing here is addressed by its whole path,
//! one directory is open at a time however deep the tree is, and what vanishes is no error.

use std::{
    ffi::CString,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat},
    io::Errno,
};

use crate::kernel::host::{CGROUP_ROOT, Hierarchy};

/// Paths beyond this length are not told (`PATH_MAX`, include/uapi/linux/limits.h).
const LONGEST: usize = 4096;

/// A mounted hierarchy.
#[derive(Debug)]
pub(super) struct Tree {
    mount: PathBuf,
}

/// A directory on the way to the one where the walk is.
struct Level {
    id: u64,
    /// Length of its path; the root's is empty.
    path_len: usize,
    /// Subdirectories that are still to be visited.
    children: Vec<CString>,
}

impl Tree {
    /// The hierarchy where it is mounted, if it is mounted from its root. In a cgroup namespace the mount
    /// shows a part as the whole, and paths would be wrong.
    pub(super) fn of(hierarchy: &Hierarchy) -> Option<Self> {
        let tree = Self::at(hierarchy.mount.as_deref()?);
        let root = fstat(&tree.open_root().ok()?).ok()?;
        (root.st_ino == CGROUP_ROOT).then_some(tree)
    }

    pub(super) fn at(mount: &Path) -> Self {
        Self { mount: mount.to_owned() }
    }

    fn open_root(&self) -> io::Result<OwnedFd> {
        Ok(open(CWD, &self.mount)?)
    }

    /// Calls `visit` with id and path of every cgroup, parents before children; paths that are too long are
    /// `None`. True when nothing was hidden from the walk, so that what it has not met does not exist.
    pub(super) fn walk(&self, mut visit: impl FnMut(u64, Option<&[u8]>)) -> io::Result<bool> {
        let mut here = self.open_root()?;
        let root = fstat(&here)?;
        visit(root.st_ino, Some(b"/"));
        let mut levels = vec![Level { id: root.st_ino, path_len: 0, children: subdirectories(&here)? }];
        let mut path = Vec::new();
        let mut complete = true;
        while let Some(level) = levels.last_mut() {
            path.truncate(level.path_len);
            let Some(name) = level.children.pop() else {
                levels.pop();
                if let Some(above) = levels.last() {
                    here = open(&here, "..")?;
                    if fstat(&here)?.st_ino != above.id {
                        return Ok(false); // moved away under our feet
                    }
                }
                continue;
            };
            match enter(&here, &name, root.st_dev) {
                Ok(child) => {
                    path.push(b'/');
                    path.extend_from_slice(name.as_bytes());
                    visit(child.id, (path.len() < LONGEST).then_some(&path));
                    complete &= child.readable;
                    if let Some((fd, children)) = child.inside {
                        here = fd;
                        levels.push(Level { id: child.id, path_len: path.len(), children });
                    }
                }
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(_) => complete = false,
            }
        }
        Ok(complete)
    }
}

/// What was found at a name.
struct Child {
    id: u64,
    /// Whether its subdirectories could be listed.
    readable: bool,
    /// The directory and its subdirectories, if it has any.
    inside: Option<(OwnedFd, Vec<CString>)>,
}

/// Looks at `name` in `parent`. Something else that is mounted there hides the cgroup: `EXDEV`.
fn enter(parent: &OwnedFd, name: &CString, device: u64) -> Result<Child, Errno> {
    let outside = is_directory_on(device, statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?)?;
    // Two links are the name and the `.` inside: no subdirectory's `..`. Most cgroups are leaves, with dozens
    // of files that need not be listed then. File systems that don't count subdirectories say 1.
    if outside.st_nlink == 2 {
        return Ok(Child { id: outside.st_ino, readable: true, inside: None });
    }
    let fd = match open(parent, name) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Err(Errno::NOENT),
        Err(_) => return Ok(Child { id: outside.st_ino, readable: false, inside: None }),
    };
    // Another directory may have taken the name meanwhile.
    let inside = is_directory_on(device, fstat(&fd)?)?;
    let children = match subdirectories(&fd) {
        Ok(children) => children,
        Err(Errno::NOENT) => return Err(Errno::NOENT),
        Err(_) => return Ok(Child { id: inside.st_ino, readable: false, inside: None }),
    };
    Ok(Child { id: inside.st_ino, readable: true, inside: Some((fd, children)) })
}

fn is_directory_on(device: u64, stat: Stat) -> Result<Stat, Errno> {
    match stat {
        stat if !FileType::from_raw_mode(stat.st_mode).is_dir() => Err(Errno::NOTDIR),
        stat if stat.st_dev != device => Err(Errno::XDEV),
        stat => Ok(stat),
    }
}

fn open(at: impl std::os::fd::AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn subdirectories(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let maybe = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if maybe && ![c".", c".."].contains(&entry.file_name()) {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        collections::BTreeMap,
        fs,
        os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _, fs::symlink},
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;

    /// A directory that stands for a hierarchy, removed when dropped.
    pub(crate) struct Fake(pub(crate) PathBuf);

    impl Fake {
        pub(crate) fn new() -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("cgroups-{}-{number}", std::process::id()));
            fs::create_dir(&path).expect("a new directory");
            Self(path)
        }

        /// Makes a directory and tells its id.
        pub(crate) fn make(&self, path: impl AsRef<Path>) -> u64 {
            fs::create_dir_all(self.0.join(&path)).expect("a new directory");
            self.id(path)
        }

        pub(crate) fn id(&self, path: impl AsRef<Path>) -> u64 {
            fs::metadata(self.0.join(path)).expect("made before").ino()
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn walk(fake: &Fake) -> (BTreeMap<u64, Option<Vec<u8>>>, bool) {
        let mut all = BTreeMap::new();
        let complete = Tree::at(&fake.0)
            .walk(|id, path| assert!(all.insert(id, path.map(<[u8]>::to_vec)).is_none(), "visited twice"))
            .expect("the root is there");
        (all, complete)
    }

    #[test]
    fn all_directories_and_nothing_else() -> io::Result<()> {
        let fake = Fake::new();
        let expected: BTreeMap<_, _> = [
            (fake.id(""), Some(b"/".to_vec())),
            (fake.make("a"), Some(b"/a".to_vec())),
            (fake.make("a/b/c"), Some(b"/a/b/c".to_vec())),
            (fake.id("a/b"), Some(b"/a/b".to_vec())),
            (fake.make("d"), Some(b"/d".to_vec())),
        ]
        .into();
        fs::write(fake.0.join("a/cgroup.procs"), "")?;
        symlink("/", fake.0.join("a/loop"))?;
        symlink("a", fake.0.join("link"))?;
        assert_eq!(walk(&fake), (expected, true));
        Ok(())
    }

    #[test]
    fn bad_names_come_as_they_are() {
        let fake = Fake::new();
        let longest = [b'x'; 255];
        let names: [&[u8]; 6] = [b"line\nbreak", b"quo\"te\\", b"\xff\xfe", b" ", b"...", &longest];
        for name in names {
            let name = std::ffi::OsStr::from_bytes(name);
            let inner = fake.make(Path::new(name).join("inner"));
            let expected = [b"/", name.as_bytes(), b"/inner"].concat();
            assert_eq!(walk(&fake).0.get(&inner), Some(&Some(expected)));
        }
    }

    /// Deeper than any path can say, and with more levels than file descriptors are allowed.
    #[test]
    fn depth_has_no_limit_but_names_do() -> io::Result<()> {
        const DEPTH: usize = 3000;
        let fake = Fake::new();
        let name = c"deep";
        let mut fd = open(CWD, &fake.0)?;
        for _ in 0..DEPTH {
            rustix::fs::mkdirat(&fd, name, Mode::RWXU)?;
            fd = open(&fd, name)?;
        }
        let (all, complete) = walk(&fake);
        assert_eq!((all.len(), complete), (DEPTH + 1, true));
        assert_eq!(all[&fstat(&fd)?.st_ino], None);
        let named = all.values().flatten();
        assert_eq!(named.map(Vec::len).max(), Some((LONGEST - 1) / 5 * 5));
        // The standard library's removal would keep every level open.
        for _ in 0..DEPTH {
            fd = open(&fd, "..")?;
            rustix::fs::unlinkat(&fd, name, AtFlags::REMOVEDIR)?;
        }
        Ok(())
    }

    #[test]
    fn vanishing_directories_are_no_error() {
        let fake = Fake::new();
        for outer in 0..20 {
            for inner in 0..20 {
                fake.make(format!("{outer}/{inner}/innermost"));
            }
        }
        let root = fake.0.clone();
        let mut visited = 0;
        let complete = Tree::at(&fake.0)
            .walk(|_, path| {
                visited += 1;
                // Remove what is being visited, its siblings and its parent, every now and then.
                let text = String::from_utf8_lossy(path.unwrap_or_default());
                if visited % 30 == 0
                    && let Some(first) = text.split('/').nth(1)
                {
                    fs::remove_dir_all(root.join(first)).expect("just visited");
                }
            })
            .expect("the root is there");
        assert!(complete && visited > 100, "{visited} visited, complete: {complete}");
        assert!(walk(&fake).0.len() < 20 * 41);
    }

    #[test]
    fn a_missing_root_is_an_error() {
        assert!(Tree::at(Path::new("/does/not/exist")).walk(|_, _| panic!("visited")).is_err());
        let nowhere = Hierarchy { id: 0, mount: None };
        assert!(Tree::of(&nowhere).is_none());
        let fake = Fake::new();
        let part = Hierarchy { id: 0, mount: Some(fake.0.clone()) };
        assert!(Tree::of(&part).is_none(), "not the root of a hierarchy");
    }
}
