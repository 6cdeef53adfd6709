//! What readers see of the directory, and what its source writes into it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use super::{
    contact::{Contact, Source, Status},
    directory::Directory,
    failure::Failure,
    object::PodObject,
    pod::{ContainerOfPod, Pod},
    selection::Selection,
};

/// The pods of this node, kept up to date in the background until the last clone is dropped.
#[derive(Clone)]
pub struct Pods {
    shared: Arc<Shared>,
    patience: Duration,
    _task: Option<Arc<Task>>,
}

struct Shared {
    directory: RwLock<Directory>,
    contact: Mutex<Contact>,
}

/// Ends with the last one who is interested.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pods {
    /// Nothing is known, and nothing will be.
    pub fn off() -> Self {
        Self { shared: Arc::new(Shared::new(Source::Off)), patience: Duration::ZERO, _task: None }
    }

    /// What `task` writes into the feed that it is given.
    pub(super) fn fed_by<T>(
        source: Source,
        node: String,
        selection: Selection,
        task: impl FnOnce(Feed) -> T,
    ) -> Self
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let shared = Arc::new(Shared::new(source));
        let feed = Feed { shared: Arc::clone(&shared), node, selection };
        let task = Task(tokio::spawn(task(feed)));
        Self { shared, patience: Duration::ZERO, _task: Some(Arc::new(task)) }
    }

    /// With so much patience.
    pub(super) fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How long what a container does should be held back until its name is known: not at all when nobody is
    /// asked.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Another number whenever anything below would have another answer.
    pub fn version(&self) -> u64 {
        self.shared.directory().version()
    }

    /// The container with this id, living or gone for less than five minutes.
    ///
    /// `pod_uid` is what the cgroup's path says of the pod, in either spelling. If it is another pod than the
    /// container's, there is no answer: who may create cgroups could otherwise take any container's name.
    pub fn container(&self, id: &str, pod_uid: Option<&str>) -> Option<Arc<ContainerOfPod>> {
        self.shared.directory().container(id, pod_uid).cloned()
    }

    /// The pod that a cgroup's path calls so, living or gone for less than five minutes: its UID, with
    /// dashes or underscores, or what the kubelet calls a static pod.
    pub fn pod(&self, uid: &str) -> Option<Arc<Pod>> {
        self.shared.directory().pod(uid).cloned()
    }

    /// Whether all that there is to know is known.
    pub fn is_ready(&self) -> bool {
        let contact = self.shared.contact();
        contact.source() == Source::Off || contact.is_synced()
    }

    /// How it stands with the source.
    pub fn status(&self) -> Status {
        let (pods, containers) = {
            let directory = self.shared.directory();
            (directory.living_pods(), directory.known_containers())
        };
        self.shared.contact().status(pods, containers)
    }
}

impl fmt::Debug for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pods").field(&self.status()).finish()
    }
}

/// Locks also after a panic elsewhere: names that may be wrong by one event are better than none.
impl Shared {
    fn new(source: Source) -> Self {
        Self { directory: RwLock::default(), contact: Mutex::new(Contact::new(source)) }
    }

    fn directory(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn contact(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source's side.
pub(super) struct Feed {
    shared: Arc<Shared>,
    node: String,
    selection: Selection,
}

impl Feed {
    /// The node whose pods are wanted.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// These are all pods there are.
    pub(super) fn all(&self, objects: Vec<PodObject>) {
        let pods = objects.into_iter().map(|object| Pod::read(object, &self.node, &self.selection)).collect();
        let count = self.write(|directory, now| {
            directory.replace(pods, now);
            directory.living_pods()
        });
        self.shared.contact().in_sync(&self.node, count);
    }

    /// A pod was added or has changed.
    pub(super) fn changed(&self, object: PodObject) {
        let (pod, containers) = Pod::read(object, &self.node, &self.selection);
        self.write(|directory, now| directory.insert(pod, containers, now));
    }

    /// A pod was deleted. Its last state may name containers that nobody has heard of.
    pub(super) fn deleted(&self, object: PodObject) {
        let (pod, containers) = Pod::read(object, &self.node, &self.selection);
        self.write(|directory, now| {
            let uid = pod.uid.clone();
            directory.insert(pod, containers, now);
            directory.remove(&uid, now);
        });
    }

    fn write<T>(&self, change: impl FnOnce(&mut Directory, Instant) -> T) -> T {
        let mut directory = self.shared.change();
        let now = Instant::now();
        let result = change(&mut directory, now);
        directory.forget(now);
        result
    }

    /// What is known is up to date after trouble, without a new list.
    pub(super) fn resumed(&self) {
        let count = self.shared.directory().living_pods();
        self.shared.contact().in_sync(&self.node, count);
    }

    /// An event came, of whatever kind: also the time to forget what is long gone.
    pub(super) fn event(&self) {
        self.shared.contact().event();
        self.shared.change().forget(Instant::now());
    }

    /// A watch ended, perhaps because of a failure.
    pub(super) fn restarted(&self, broken: Option<&Failure>) {
        self.shared.contact().restarted(broken);
    }

    /// Something went wrong.
    pub(super) fn failed(&self, failure: &Failure) {
        self.shared.contact().failed(failure);
    }
}

#[cfg(test)]
impl Pods {
    /// Pods that only tests tell about.
    pub(crate) fn at_hand() -> Self {
        let patience = crate::config::Kubernetes::default().patience;
        Self { shared: Arc::new(Shared::new(Source::Api)), patience, _task: None }
    }

    /// These are all pods there are, as the API writes them.
    pub(crate) fn tell(&self, pods: serde_json::Value) {
        let feed =
            Feed { shared: Arc::clone(&self.shared), node: "n".to_owned(), selection: Selection::default() };
        feed.all(serde_json::from_value(pods).expect("pods"));
    }
}
