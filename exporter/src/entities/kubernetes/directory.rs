//! The pods of this node and their containers, the gone ones included for a while: their last increments
//! arrive after them and still need their names.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use rustc_hash::{FxHashMap, FxHashSet};

use super::pod::{ContainerOfPod, Named, Pod, from_cgroup};

/// How long what is gone stays known: as long as series of the gone linger by default.
const KEPT: Duration = Duration::from_secs(300);

/// How much of what is gone stays known, pods and containers together: a thousand pods with three
/// containers each. A crash loop or a queue of short jobs must not fill the memory.
const MOST_GONE: usize = 4_000;

/// Pods by UID, containers by id.
#[derive(Debug, Default)]
pub(super) struct Directory {
    version: u64,
    pods: FxHashMap<String, Entry>,
    /// What the kubelet calls static pods, to the UIDs of their mirror pods.
    static_pods: FxHashMap<String, String>,
    containers: FxHashMap<String, Arc<ContainerOfPod>>,
    gone: VecDeque<(Instant, Gone)>,
}

#[derive(Debug)]
struct Entry {
    pod: Arc<Pod>,
    /// Ids that its status names now.
    containers: Vec<String>,
    is_living: bool,
}

#[derive(Debug)]
enum Gone {
    Pod(String),
    Container(String),
}

impl Directory {
    /// Another number whenever anything has changed.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The pod that a cgroup's path calls `uid`.
    pub(super) fn pod(&self, uid: &str) -> Option<&Arc<Pod>> {
        let uid = from_cgroup(uid);
        let entry = self.pods.get(&*uid).or_else(|| self.pods.get(self.static_pods.get(&*uid)?));
        entry.map(|entry| &entry.pod)
    }

    /// The container with this id, unless it belongs to another pod than the cgroup's path says.
    pub(super) fn container(&self, id: &str, pod_uid: Option<&str>) -> Option<&Arc<ContainerOfPod>> {
        let container = self.containers.get(id)?;
        pod_uid.is_none_or(|uid| container.pod.is_called(uid)).then_some(container)
    }

    /// Living pods.
    pub(super) fn living_pods(&self) -> usize {
        self.pods.values().filter(|entry| entry.is_living).count()
    }

    /// Known containers, the gone ones included.
    pub(super) fn known_containers(&self) -> usize {
        self.containers.len()
    }

    /// A pod was added or has changed.
    pub(super) fn insert(&mut self, pod: Pod, containers: Vec<Named>, now: Instant) {
        let old = self.pods.remove(&pod.uid);
        let known = old.as_ref().filter(|old| *old.pod == pod).map(|old| Arc::clone(&old.pod));
        let is_known = known.is_some() && old.as_ref().is_some_and(|old| old.is_living);
        self.version += u64::from(!is_known);
        let pod = known.unwrap_or_else(|| Arc::new(pod));
        self.remember_static(&pod);

        let mut ids = Vec::with_capacity(containers.len());
        for (id, name, kind) in containers {
            let container = ContainerOfPod { name, kind, pod: Arc::clone(&pod) };
            if self.containers.get(&id).is_none_or(|known| **known != container) {
                self.containers.insert(id.clone(), Arc::new(container));
                self.version += 1;
            }
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        for id in old.map(|old| old.containers).unwrap_or_default() {
            if !ids.contains(&id) {
                self.gone.push_back((now, Gone::Container(id)));
            }
        }
        self.pods.insert(pod.uid.clone(), Entry { pod, containers: ids, is_living: true });
    }

    /// A pod is gone.
    pub(super) fn remove(&mut self, uid: &str, now: Instant) {
        let Some(entry) = self.pods.get_mut(uid).filter(|entry| entry.is_living) else { return };
        entry.is_living = false;
        let containers = std::mem::take(&mut entry.containers);
        self.gone.extend(containers.into_iter().map(|id| (now, Gone::Container(id))));
        self.gone.push_back((now, Gone::Pod(uid.to_owned())));
        self.version += 1;
    }

    /// These are all pods there are; others are gone.
    pub(super) fn replace(&mut self, pods: Vec<(Pod, Vec<Named>)>, now: Instant) {
        let listed: FxHashSet<&str> = pods.iter().map(|(pod, _)| pod.uid.as_str()).collect();
        let living = self.pods.iter().filter(|(_, entry)| entry.is_living);
        let missing: Vec<String> =
            living.map(|(uid, _)| uid).filter(|uid| !listed.contains(uid.as_str())).cloned().collect();
        for uid in missing {
            self.remove(&uid, now);
        }
        for (pod, containers) in pods {
            self.insert(pod, containers, now);
        }
    }

    /// Forgets what has been gone for long enough, or is too much.
    pub(super) fn forget(&mut self, now: Instant) {
        let is_due = |at: Instant| now.saturating_duration_since(at) >= KEPT;
        while self.gone.len() > MOST_GONE || self.gone.front().is_some_and(|(at, _)| is_due(*at)) {
            match self.gone.pop_front() {
                Some((_, Gone::Pod(uid))) => self.forget_pod(&uid),
                Some((_, Gone::Container(id))) => self.forget_container(&id),
                None => return,
            }
        }
    }

    /// Unless it came back: a kubelet's list may go back in time when the kubelet restarts.
    fn forget_pod(&mut self, uid: &str) {
        if self.pods.get(uid).is_some_and(|entry| !entry.is_living) {
            self.pods.remove(uid);
            self.static_pods.retain(|_, mirror| mirror != uid);
            self.version += 1;
        }
    }

    /// Unless it came back.
    fn forget_container(&mut self, id: &str) {
        let Some(container) = self.containers.get(id) else { return };
        let entry = self.pods.get(&container.pod.uid);
        if entry.is_none_or(|entry| !entry.containers.iter().any(|living| living == id)) {
            self.containers.remove(id);
            self.version += 1;
        }
    }

    /// A mirror pod that was deleted and made anew has another UID and the same hash: the new one has it
    /// then. A living pod keeps its hash, so that no other pod can claim it with an annotation.
    fn remember_static(&mut self, pod: &Pod) {
        let Some(hash) = &pod.static_hash else { return };
        let holder = self.static_pods.get(hash).and_then(|uid| self.pods.get(uid));
        if holder.is_none_or(|holder| !holder.is_living) {
            self.static_pods.insert(hash.clone(), pod.uid.clone());
        }
    }
}

#[cfg(test)]
mod tests;
