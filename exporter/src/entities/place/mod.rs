//! Where a cgroup is: in which container, pod and systemd unit, told by its path alone.
//!
//! Runtimes, the kubelet and systemd write what they made into the names of cgroups, each in its own way.
//! Reading the names costs nothing, needs no rights, and still works when the container is long gone.
//!
//! # Nobody can pass for somebody else
//!
//! Whoever owns a part of the tree (a user below `user@1000.service`, a service with `Delegate=`, a container
//! with its own cgroups) can make cgroups of any name in it, even a copy of another pod's path. Labels decide
//! who is charged, so a made-up name must never lead out of the part that its maker owns. Therefore, from the
//! root down:
//!
//! - **A pod is never left.** Names in a pod's container are its workload's choice: whatever stands below is
//!   that container. Only the runtime makes cgroups beside it, so one name below the pod's is looked at, and
//!   none after that.
//! - **Other containers are entered**, because Docker in Docker, system containers and nodes of kind are worth
//!   telling apart: the innermost wins, and a pod counts as one. But the [outermost](Place::outer) is
//!   kept beside it, and what is in a container can't be equal to anything that is not.
//! - **Below a user manager there are no pods**, only containers.
//! - **A container carries the unit that it is in**, if that is none of its own. systemd delegates services and
//!   scopes, never slices, so that names whoever could have made the container's cgroup: `user@1000.service`
//!   for a rootless one. A container's own scope and slices say nothing new and are left out.
//!
//! So two places are equal only if they have the same pod or container and the same owner above it. (What root has
//! given away under a name that is neither a unit's nor a container's can't be seen by its name.)
//! All fields of [`Place`] together are the identity, and labels made from it must keep `outer` and `unit`.
//!
//! What isn't certain is not told: an id must have all its 64 digits, a name all its letters, and a pod's cgroup
//! the right parents.

mod container;
mod machine;
mod pod;
mod unit;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use self::{container::Sight, unit::Unit};
pub use self::{
    container::{Container, Runtime},
    pod::{Pod, Qos},
};

/// Where a cgroup is. Nothing is known when all is `None`; the path is the only name then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// The pod: the cgroup is its own or below it.
    pub pod: Option<Pod>,
    /// The innermost container. In a pod it is one of that pod's (or its sandbox), and `None` is what belongs to
    /// the pod as a whole.
    pub container: Option<Container>,
    /// This is not a container but the cgroup of a process that looks after one (conmon, lxc-start, the supervisor
    /// of systemd-nspawn): whose.
    pub monitor_of: Option<Container>,
    /// The outermost container, when pod, container or monitor are inside of it: a node of kind, Docker in
    /// Docker, an LXC machine. Its owner has named everything in it.
    pub outer: Option<Container>,
    /// The systemd unit, as systemd itself finds it: the first that is no slice, else the innermost slice, and
    /// `-.slice` for the root. For pods and containers only a unit that they are in and that is no slice.
    pub unit: Option<String>,
}

impl Place {
    /// Reads a path from the root of its hierarchy. Never fails: a path that says nothing gives an empty place, as
    /// does what isn't a path (it doesn't begin with a slash).
    pub fn of(path: &str) -> Self {
        let Some(path) = path.strip_prefix('/') else { return Self::default() };
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let mut walk = Walk::default();
        for depth in 0..names.len() {
            if walk.enter(&names, depth).is_break() {
                break;
            }
        }
        walk.arrive(&names)
    }
}

/// What was met on the way down.
#[derive(Default)]
struct Walk {
    pod: Option<Pod>,
    monitor_of: Option<Container>,
    /// A pod's container, or the innermost other one.
    container: Option<Container>,
    /// The first container that is no pod's.
    outermost: Option<Container>,
    /// Depth of the first container's cgroup, or of its pod's: units from there on are not above it.
    contained: Option<usize>,
    /// Depth of the first name in the innermost container: what is above can't be part of a form in it.
    start: usize,
    in_user_manager: bool,
}

impl Walk {
    fn enter(&mut self, names: &[&str], depth: usize) -> ControlFlow<()> {
        let (above, name, below) = (&names[self.start..depth], names[depth], names.get(depth + 1).copied());
        self.in_user_manager |= unit::is_user_manager(name);
        if !self.in_user_manager
            && let Some((pod, member)) = pod::pod(above, name, below)
        {
            self.pod = Some(pod);
            self.container = None;
            match member {
                Some(Sight::Container(container)) => self.contain(container, depth),
                Some(Sight::Monitor(container)) => self.monitor_of = Some(container),
                None => {}
            }
            return ControlFlow::Break(());
        }
        match container::sight(above, name, below) {
            Some(Sight::Container(container)) => {
                self.outermost.get_or_insert_with(|| container.clone());
                self.contain(container, depth);
                self.start = depth + 1;
            }
            Some(Sight::Monitor(container)) => {
                self.monitor_of = Some(container);
                return ControlFlow::Break(());
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn contain(&mut self, container: Container, depth: usize) {
        self.container = Some(container);
        self.contained.get_or_insert(depth);
    }

    fn arrive(self, names: &[&str]) -> Place {
        let Self { pod, monitor_of, container, outermost, contained, .. } = self;
        let told = pod.is_some() || monitor_of.is_some() || container.is_some();
        let says_more =
            |unit: &Unit| !(told && unit.is_slice) && contained.is_none_or(|own| unit.depth < own);
        // A container is not in itself, but a pod or a monitor is in the container it was found in.
        let inside = pod.is_some() || monitor_of.is_some();
        let outer = outermost.filter(|outer| inside || container.as_ref() != Some(outer));
        Place {
            pod,
            container,
            monitor_of,
            outer,
            unit: Unit::of(names).filter(says_more).map(|unit| unit.name),
        }
    }
}
