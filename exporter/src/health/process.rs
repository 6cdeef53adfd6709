//! What every client library tells about its process, under the same names.
//!
//! The `prometheus` crate can do that too, but it counts CPU time in whole seconds, and an exporter that
//! takes a few of them an hour could not be seen to do anything.

use std::{
    collections::HashMap,
    fs::{self, File},
    io, mem,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    time::{SystemTime, UNIX_EPOCH},
};

use ::prometheus::{
    core::{Collector, Desc},
    proto::{MetricFamily, MetricType},
};

use crate::prometheus::Told;

/// Name, help, type.
const FAMILIES: [(&str, &str, MetricType); 7] = [
    ("process_cpu_seconds_total", "User and system CPU time of the exporter", MetricType::COUNTER),
    ("process_open_fds", "Open file descriptors of the exporter", MetricType::GAUGE),
    ("process_max_fds", "File descriptors that the exporter may open", MetricType::GAUGE),
    ("process_virtual_memory_bytes", "Size of the exporter's address space", MetricType::GAUGE),
    ("process_resident_memory_bytes", "Memory of the exporter that is resident", MetricType::GAUGE),
    ("process_start_time_seconds", "When the exporter started, since the epoch", MetricType::GAUGE),
    ("process_threads", "Threads of the exporter", MetricType::GAUGE),
];

/// A [`Collector`] for this process. What cannot be found out is left out.
///
/// Its files stay open: to look a path up takes longer than to read what is there.
pub(super) struct ProcessMetrics {
    descriptions: Vec<Desc>,
    files: io::Result<File>,
    threads: io::Result<File>,
    pages: io::Result<File>,
    /// Seconds since the epoch.
    started: Option<f64>,
}

impl ProcessMetrics {
    /// For a process that has just started.
    pub(super) fn new() -> Result<Self, ::prometheus::Error> {
        let descriptions = FAMILIES
            .iter()
            .map(|(name, help, _)| {
                Desc::new((*name).to_owned(), (*help).to_owned(), Vec::new(), HashMap::new())
            })
            .collect::<Result<_, _>>()?;
        let started = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        Ok(Self {
            descriptions,
            files: File::open(FILES),
            threads: File::open("/proc/self/task"),
            pages: File::open("/proc/self/statm"),
            started: started.map(|since| since.as_secs_f64()),
        })
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (virtual_memory, resident_memory) = self.pages.as_ref().ok().and_then(memory).unzip();
        let values = [
            cpu_seconds().ok(),
            self.files.as_ref().ok().and_then(|files| open_files(files).ok()),
            max_files().ok(),
            virtual_memory,
            resident_memory,
            self.started,
            self.threads.as_ref().ok().and_then(|threads| count_threads(threads).ok()),
        ];
        let known = FAMILIES.into_iter().zip(values).filter_map(|(family, value)| Some((family, value?)));
        known
            .map(|((name, help, kind), value)| {
                let series = vec![(Vec::new(), value)];
                Told { name: name.to_owned(), help, kind, series }.into()
            })
            .collect()
    }
}

/// CPU time of this process so far.
///
/// # Errors
///
/// Never, as far as is known.
pub fn cpu_seconds() -> io::Result<f64> {
    // SAFETY: integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: a valid structure.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

/// Memory of this process that is resident; `None` when it cannot be found out.
pub fn resident_bytes() -> Option<u64> {
    let (_, resident) = memory(&File::open("/proc/self/statm").ok()?)?;
    Some(resident as u64)
}

/// A link in it for every open file.
const FILES: &str = "/proc/self/fd";

fn open_files(folder: &File) -> io::Result<f64> {
    // Since Linux 6.2 the folder's size says how many there are.
    match folder.metadata()?.len() {
        // Without the one that reads the folder.
        0 => Ok(fs::read_dir(FILES)?.count().saturating_sub(1) as f64),
        open => Ok(open as f64),
    }
}

fn max_files() -> io::Result<f64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid structure.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } {
        0 => Ok(limit.rlim_cur as f64),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Bytes of the address space, and how many of them are resident.
fn memory(pages: &File) -> Option<(f64, f64)> {
    let mut line = [0; 128];
    let len = pages.read_at(&mut line, 0).ok()?;
    let line = str::from_utf8(&line[..len]).ok()?;
    let mut pages = line.split(' ').map(|count| count.parse::<f64>().ok());
    // SAFETY: no preconditions.
    let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as f64;
    Some((pages.next()?? * page_size, pages.next()?? * page_size))
}

fn count_threads(folder: &File) -> io::Result<f64> {
    // Each thread is a folder, and links of folders are counted with `.` and `..`.
    Ok(folder.metadata()?.nlink().saturating_sub(2) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_plausible() {
        let begun = cpu_seconds().expect("a time");
        while cpu_seconds().expect("a time") < begun + 0.01 {
            std::hint::spin_loop();
        }
        assert!(cpu_seconds().expect("a time") < begun + 60.0);
        let counted = fs::read_dir("/proc/self/task").expect("a folder").count() as f64;
        let own = ProcessMetrics::new().expect("names are distinct");
        let threads = count_threads(own.threads.as_ref().expect("a folder"));
        assert!((threads.expect("a number") - counted).abs() < 16.0, "other tests come and go");
        let open = open_files(own.files.as_ref().expect("a folder")).expect("a number");
        assert!((3.0..=max_files().expect("a number")).contains(&open), "{open}");
        let (all, resident) = memory(own.pages.as_ref().expect("a file")).expect("two numbers");
        assert!(resident > 1e6 && resident < all, "{resident} of {all}");
        assert_eq!(own.collect().len(), FAMILIES.len());
    }
}
