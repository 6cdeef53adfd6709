//! Identity tests: who did it, end to end. Real cgroups that are called as runtimes call them, real work in
//! them, pods from an API server on loopback, and what the exporter then says, compared label by label.
//!
//! They run as root on this host, where cgroups are told apart by the memory controller's v1 hierarchy if
//! there is one, and in VMs with cgroup v2 (`scripts/test-in-vms.sh`), one after the other.

#[expect(dead_code, reason = "tests with a pod that changes need more of it")]
#[path = "../kubernetes/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "tests of faulty disks need more of it")]
#[path = "../block_io/disk.rs"]
mod disk;
#[expect(dead_code, reason = "tests of servers that go down need more of it")]
#[path = "../kubernetes/endpoint.rs"]
mod endpoint;
#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../kubernetes/wire.rs"]
mod wire;

mod api;
mod budget;
mod exact;
mod fleet;
mod forms;
mod hostile;
mod nest;
mod scrapers;
mod seen;
mod soak;
mod withholding;
