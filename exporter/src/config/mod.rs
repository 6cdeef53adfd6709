//! The config file: what may be written in it, and one clear error for everything else.
//!
//! A typo that is silently ignored costs its author hours, so every key, unit and range is checked, and an
//! error names the file, line, column, the key's full path, what was found and what is allowed:
//!
//! ```text
//! config.yaml:12:24: collectors.block_io.labels[1]: found "devcie", expected one of: device, operation, cgroup (did you mean "device"?)
//! ```
//!
//! The YAML library reports neither all positions nor all paths. So the text first becomes a plain tree
//! (`tree`), the structs are read from the tree by a deserializer whose errors know their path (`deserialize`,
//! `problem`), and only when there is an error the text is read once more to find the line of that path
//! (`locate`).

mod budget;
mod collectors;
mod deserialize;
mod detail;
pub mod duration;
mod error;
mod filesystem_type;
mod json_schema;
mod kubernetes;
mod kubernetes_names;
mod labels;
mod listen;
mod live;
mod load;
mod locate;
mod log;
mod markdown;
mod name_set;
mod otlp;
mod otlp_names;
mod privileges;
mod problem;
mod range;
mod schema;
mod size;
mod syscall_name;
mod text;
mod tree;
mod with;

pub use budget::{Budget, CpuShare, CpuShareError};
pub use collectors::{
    BlockIo, Collectors, Filesystem, Interrupts, Lifecycle, Memory, Network, Process, Scheduler, Section,
    Stalls, Syscalls, Tcp,
};
pub use detail::Detail;
pub use error::{Error, Position};
pub use filesystem_type::FilesystemType;
pub use json_schema::json_schema;
pub use kubernetes::{Kubelet, Kubernetes, PodSource};
pub use kubernetes_names::{KubeletUrl, NodeName};
pub use labels::{BlockIoLabel, By, ProcessesBy};
pub use listen::{ListenAddress, ListenAddressError};
pub use live::Live;
pub use load::{DEFAULT_PATH, Source, load};
pub(crate) use load::{from_yaml, invalid_at, read};
pub use log::{LogFilter, LogFilterError, LogFormat};
pub use markdown::markdown;
pub use otlp::{ClientTls, Compression, Endpoint, HistogramForm, Otlp, Protocol, Temporality};
pub use otlp_names::{EndpointUrl, Headers};
pub use privileges::{Dropped, Privileges};
pub(crate) use range::whole_number;
pub use schema::{Config, DurationBounds, Histograms, Limits, Log, Reload, Restart, SizeBounds};
pub use size::{MemorySize, MemorySizeError};
pub use syscall_name::SyscallName;
pub(crate) use text::{Written, parsed};
