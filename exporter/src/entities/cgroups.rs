//! placeholder
use crate::{kernel::host::Hierarchy, snapshot::text};
use std::os::unix::fs::MetadataExt as _;
use std::{collections::HashMap, path::Path, sync::Arc};

pub struct Cgroups {
    h: Hierarchy,
    names: HashMap<u64, Arc<str>>,
}
impl Cgroups {
    pub fn start(h: &Hierarchy) -> Self {
        let mut s = Self { h: h.clone(), names: HashMap::new() };
        s.refresh();
        s
    }
    pub fn refresh(&mut self) {
        self.names.clear();
        if let Some(m) = self.h.mount.clone() {
            self.walk(&m, "".into());
        }
    }
    fn walk(&mut self, p: &Path, rel: String) {
        if let Ok(m) = std::fs::metadata(p) {
            self.names.insert(m.ino(), if rel.is_empty() { "/".into() } else { rel.as_str().into() });
        }
        for e in std::fs::read_dir(p).into_iter().flatten().flatten() {
            if e.file_type().is_ok_and(|t| t.is_dir()) {
                let n = format!("{rel}/{}", text(e.file_name().as_encoded_bytes()));
                self.walk(&e.path(), n);
            }
        }
    }
    pub fn path(&mut self, id: u64) -> Arc<str> {
        self.names.get(&id).cloned().unwrap_or_else(|| format!("id:{id}").into())
    }
    pub fn is_gone(&self, id: u64) -> bool {
        !self.names.contains_key(&id)
    }
}
