//! Processes with names of our choice.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{fs::symlink, process::CommandExt as _},
    process::{Child, Command},
};

use crate::exporter::{Folder, end};

/// A sleeping process with a name of our choice. Dropping ends it.
pub(crate) struct Sleeper(Child);

impl Sleeper {
    /// The kernel names a process after the last part of the path that was executed: a link will do.
    pub(crate) fn start(folder: &Folder, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let link = folder.path().join(name.as_ref());
        symlink("/bin/sleep", &link)?;
        let process = Command::new(&link).arg0("sleep").arg("1000").spawn().map(Self);
        fs::remove_file(link)?;
        process
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}
