//! How operations fail.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{COUNT, ERRORS, exporter, setting::*};
use crate::{accuracy::within, harness::*};

/// Operation, error and how often.
const TRUTH: [(&str, &str, u64); 8] = [
    ("open", "ENOENT", 300),
    ("open", "EEXIST", 30),
    ("open", "EACCES", 100),
    ("open", "ENOTDIR", 40),
    ("write", "ENOSPC", 50),
    ("write", "EBADF", 15),
    ("read", "EISDIR", 20),
    ("unlink", "EACCES", 10),
];

fn times(operation: &str, error: &str) -> u64 {
    TRUTH.iter().find(|found| (found.0, found.1) == (operation, error)).expect("it is in the list").2
}

fn repeat(operation: &str, error: &str, mut call: impl FnMut() -> i64) {
    for _ in 0..times(operation, error) {
        assert!(call() < 0, "{operation} does not fail");
        let found = std::io::Error::last_os_error();
        let expected =
            kernel_exporter::kernel::errno::name(found.raw_os_error().expect("of the system") as u32);
        assert_eq!(expected, error, "{operation}");
    }
}

#[test]
fn errors_are_counted_by_name() {
    let Some(_turn) = turn() else { return };
    let Some(exporter) = exporter("by: cgroup") else { return };
    for kind in ["tmpfs", "overlay"] {
        let mounted = match kind {
            "tmpfs" => Mounted::tmpfs("errors", 64 << 10),
            _ => Mounted::overlay("errors"),
        };
        // What is full is what lies below the overlay; only the small one is filled.
        let fills = kind == "tmpfs";
        let cgroup = Cgroup::make(&format!("errors-{kind}"));
        let folder = mounted.folder.clone();
        fs::write(folder.join("secret"), "1").expect("room for a byte");
        fs::set_permissions(folder.join("secret"), fs::Permissions::from_mode(0o600)).expect("root");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("root");
        let mut worker = Worker::spawn(
            "fails",
            &cgroup,
            || {},
            move |_| {
                let file = folder.join("file");
                let fd = open(&file, libc::O_RDWR | libc::O_CREAT);
                if fills {
                    let page = [1; Page::SIZE];
                    let pages =
                        (0..).take_while(|page_of| pwrite(fd, &page, page_of * Page::SIZE) > 0).count();
                    assert!(pages > 4, "{pages}");
                    // The one that ended the loop was the first.
                    for _ in 1..times("write", "ENOSPC") {
                        assert_eq!(pwrite(fd, &page, 1 << 20), -1);
                    }
                }
                repeat("open", "ENOENT", || try_open(&folder.join("nothing"), libc::O_RDONLY).into());
                let exclusive = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
                repeat("open", "EEXIST", || try_open(&file, exclusive).into());
                repeat("open", "ENOTDIR", || try_open(&file.join("below"), libc::O_RDONLY).into());
                let only_read = open(&file, libc::O_RDONLY);
                repeat("write", "EBADF", || pwrite(only_read, &[1], 0) as i64);
                let directory = open(&folder, libc::O_RDONLY | libc::O_DIRECTORY);
                repeat("read", "EISDIR", || pread(directory, &mut [0], 0) as i64);
                end_of(fork(|| {
                    // SAFETY: a user without rights, in a process of its own.
                    assert_eq!(unsafe { libc::setuid(65_534) }, 0);
                    repeat("open", "EACCES", || try_open(&folder.join("secret"), libc::O_RDONLY).into());
                    repeat("unlink", "EACCES", || unlink(&file).into());
                }));
            },
        );
        let (between, ()) = exporter.during(|| worker.work());
        let mut all = 0;
        for (operation, error, truth) in TRUTH {
            let truth = if error == "ENOSPC" && !fills { 0 } else { truth };
            all += truth;
            let labels = [
                ("cgroup", &*cgroup.path),
                ("system_filesystem_type", kind),
                ("filesystem_operation", operation),
                ("error_type", error),
            ];
            let counted = between.count(ERRORS, &labels);
            let metric = format!("{ERRORS}{{{operation},{error},{kind}}}");
            within(&metric, "the calls that failed", counted, truth..=truth);
        }
        assert_eq!(between.count(ERRORS, &[("cgroup", &cgroup.path)]), all, "no others, on no file system");
        let opens = [("cgroup", &*cgroup.path), ("filesystem_operation", "open")];
        assert_eq!(between.count(COUNT, &opens), 300 + 30 + 100 + 40 + 3, "those that fail are among all");
    }
}
