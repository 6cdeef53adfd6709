//! The sections of collectors, a file each.
//!
//! A new one is a file, a line in [`sections!`] below, and its keys in `config.yaml`.

mod block_io;
mod filesystem;
mod interrupts;
mod lifecycle;
mod memory;
mod network;
mod process;
mod scheduler;
mod stalls;
mod syscalls;
mod tcp;

pub use block_io::BlockIo;
pub use filesystem::Filesystem;
pub use interrupts::Interrupts;
pub use lifecycle::Lifecycle;
pub use memory::Memory;
pub use network::Network;
pub use process::Process;
pub use scheduler::Scheduler;
pub use stalls::Stalls;
pub use syscalls::Syscalls;
pub use tcp::Tcp;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{By, Detail};

/// What the sections of all collectors have in common.
pub trait Section {
    /// Whether the collector's programs are loaded.
    fn enabled(&self) -> bool;

    /// Switches it.
    fn enable(&mut self, enabled: bool);

    /// How much it measures; `None` where there is no choice.
    fn detail(&self) -> Option<Detail> {
        None
    }

    /// Says how much it measures, where there is a choice.
    fn set_detail(&mut self, _: Detail) {}

    /// How series say whose cgroup it was; not at all where there is no choice.
    fn by(&self) -> By {
        By::None
    }

    /// Says how series say whose cgroup it was, where there is a choice.
    fn set_by(&mut self, _: By) {}

    /// By what series are told apart, as the config writes it; `none` is possible.
    fn names(&self) -> Vec<&'static str> {
        vec![self.by().name()]
    }

    /// What of that is in force at this detail.
    fn names_in_force(&self) -> Vec<&'static str> {
        self.names()
    }
}

/// Makes a [`Section`] of a struct with the key `enabled`, and with those of `detail` and `by` that are named; what follows
/// is its own.
macro_rules! section {
    ($section:ty, [$($key:ident),*] $({ $($own:item)* })?) => {
        impl $crate::config::Section for $section {
            fn enabled(&self) -> bool {
                self.enabled
            }

            fn enable(&mut self, enabled: bool) {
                self.enabled = enabled;
            }

            $($crate::config::collectors::section! { $key })*
            $($($own)*)?
        }
    };
    (detail) => {
        fn detail(&self) -> Option<$crate::config::Detail> {
            Some(self.detail)
        }

        fn set_detail(&mut self, detail: $crate::config::Detail) {
            self.detail = detail;
        }
    };
    (by) => {
        fn by(&self) -> $crate::config::By {
            self.by
        }

        fn set_by(&mut self, by: $crate::config::By) {
            self.by = by;
        }
    };
}
use section;

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: $section:ty,)*) => {
        /// What is measured.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Collectors {
            $($(#[$doc])* pub $name: $section,)*
        }

        impl Collectors {
            /// All of them, by the name in the config.
            pub fn sections(&self) -> Vec<(&'static str, &dyn Section)> {
                vec![$((stringify!($name), &self.$name)),*]
            }

            /// The section of a collector; `None` when there is no such collector.
            pub fn section_mut(&mut self, collector: &str) -> Option<&mut dyn Section> {
                match collector {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

sections! {
    /// Scheduling latency, time on and off the CPU.
    scheduler: Scheduler,
    /// What threads spend their time with.
    stalls: Stalls,
    /// Latency and size of block requests.
    block_io: BlockIo,
    /// What the kernel sums per process.
    process: Process,
    /// What hard and soft interrupts take.
    interrupts: Interrupts,
    /// Beginnings and ends of processes and threads.
    lifecycle: Lifecycle,
    /// Packets that are dropped, and what network devices and their soft interrupts carry.
    network: Network,
    /// How long tasks wait because memory is short, and who is killed for it.
    memory: Memory,
    /// What becomes of TCP connections.
    tcp: Tcp,
    /// How often system calls are made, how long they take and how they fail.
    syscalls: Syscalls,
    /// How long operations of file systems take, and how they fail.
    filesystem: Filesystem,
}

impl Collectors {
    /// The section of a collector; `None` when there is no such collector.
    pub fn section(&self, collector: &str) -> Option<&dyn Section> {
        self.sections().into_iter().find_map(|(name, section)| (name == collector).then_some(section))
    }

    /// How much a collector measures.
    pub fn detail(&self, collector: &str) -> Detail {
        self.section(collector).and_then(Section::detail).unwrap_or_default()
    }

    /// All that decides by which labels series are told apart.
    pub fn names(&self) -> impl PartialEq {
        self.sections().into_iter().map(|(_, section)| section.names()).collect::<Vec<_>>()
    }
}
