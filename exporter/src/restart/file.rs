//! The file, which is there only while no exporter runs.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::State;

/// More than a million series take.
const LARGEST: u64 = 1 << 30;

/// Writes it, readable for nobody else: names of containers and processes are in it.
///
/// # Errors
///
/// When it cannot be written; there is none then.
pub fn keep(state: &State, path: &Path) -> Result<()> {
    let next = next(path);
    let written = write(state, &next).and_then(|()| Ok(fs::rename(&next, path)?));
    written.with_context(|| cannot_write(path)).inspect_err(|_| {
        let _ = fs::remove_file(&next);
    })
}

fn write(state: &State, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(create(path)?);
    serde_json::to_writer(&mut file, state)?;
    Ok(file.flush()?)
}

fn create(path: &Path) -> Result<File> {
    // Not through a link that somebody else has put there.
    let _ = fs::remove_file(path);
    Ok(File::options().write(true).create_new(true).mode(0o600).open(path)?)
}

/// What it is called until it is whole.
fn next(path: &Path) -> PathBuf {
    let mut next = path.as_os_str().to_owned();
    next.push(".new");
    next.into()
}

fn cannot_write(path: &Path) -> String {
    format!("restart.state_file: cannot write {}; make its folder, or leave the key empty", path.display())
}

/// Whether it can be written, which nobody wants to learn at the end.
///
/// # Errors
///
/// When it cannot.
pub fn prove_writable(path: &Path) -> Result<()> {
    let next = next(path);
    create(&next).map(drop).and_then(|()| Ok(fs::remove_file(&next)?)).with_context(|| cannot_write(path))
}

/// Takes the file away, and what it says; `None` when there is none.
///
/// # Errors
///
/// When it cannot be read or removed, or is no such file. Whoever counts on from a file that stays would go back the
/// next time.
pub fn take(path: &Path) -> Result<Option<State>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    let state = serde_json::from_reader(BufReader::new(file.take(LARGEST)));
    let state: State = state.with_context(|| format!("{} is no state of this exporter's", path.display()))?;
    state.fits().with_context(|| format!("{} is of no use", path.display()))?;
    Ok(Some(state))
}
