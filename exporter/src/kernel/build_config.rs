//! With which options the running kernel was built, where it or the distribution says so.

use std::{fs, io::Read as _};

use flate2::read::GzDecoder;

/// More than any kernel's; a file in `/boot` may be anything.
const LIMIT: u64 = 4 << 20;

/// The options of the running kernel.
#[derive(Debug)]
pub struct BuildConfig(String);

impl BuildConfig {
    /// From `/proc/config.gz`, or else the file in `/boot` for this release; `None` where neither can be read.
    pub fn of_running_kernel() -> Option<Self> {
        let mut text = String::new();
        if let Ok(file) = fs::File::open("/proc/config.gz")
            && GzDecoder::new(file).take(LIMIT).read_to_string(&mut text).is_ok()
        {
            return Some(Self(text));
        }
        text.clear();
        let file = fs::File::open(format!("/boot/config-{}", super::host::release())).ok()?;
        file.take(LIMIT).read_to_string(&mut text).ok()?;
        Some(Self(text))
    }

    /// Whether an option, with its `CONFIG_`, is built in or a module.
    pub fn has(&self, option: &str) -> bool {
        self.0
            .lines()
            .any(|line| line.strip_prefix(option).is_some_and(|rest| matches!(rest.trim_end(), "=y" | "=m")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options() {
        let config = BuildConfig("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_AB=m\nCONFIG_C=17\n".to_owned());
        assert!(config.has("CONFIG_A") && config.has("CONFIG_AB"));
        assert!(!config.has("CONFIG_B") && !config.has("CONFIG_C") && !config.has("CONFIG_"));
    }
}
