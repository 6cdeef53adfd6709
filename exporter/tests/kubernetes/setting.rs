//! A cluster behind an endpoint, the files that lead to it, and the pods as the exporter knows them.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use kernel_exporter::{
    config::Config,
    entities::kubernetes::{self, ContainerOfPod, Pods, Reason},
};
use tokio::io::BufReader;

use crate::{
    cluster::Cluster,
    endpoint::{Certificates, Endpoint},
    log,
};

/// More than any test needs, also on a busy machine: waiting longer means failing.
const LONG: Duration = Duration::from_secs(60);

/// What a test plays with.
pub(crate) struct Setting {
    pub(crate) cluster: Cluster,
    endpoint: Endpoint,
    folder: PathBuf,
}

impl Setting {
    /// A cluster that answers.
    pub(crate) fn new() -> Self {
        let mut setting = Self::down();
        setting.up();
        setting
    }

    /// A cluster that can't be reached yet.
    pub(crate) fn down() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        log::collect();
        let certificates = Certificates::new();
        let endpoint = Endpoint::new(&certificates);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = format!("kernel-exporter-kubernetes-{}-{number}", std::process::id());
        let setting =
            Self { cluster: Cluster::new("token-1"), endpoint, folder: std::env::temp_dir().join(folder) };
        fs::create_dir(&setting.folder).expect("the name is unique");
        setting.write("ca.crt", &certificates.ca_pem);
        let [certificate, key] = &certificates.client_pem;
        setting.write("client.crt", certificate);
        setting.write("client.key", key);
        setting.write("token", "token-1");
        setting.write("kubeconfig", &setting.kubeconfig());
        setting
    }

    /// The cluster answers from now on.
    pub(crate) fn up(&mut self) {
        let cluster = self.cluster.clone();
        self.endpoint.up(move |stream| cluster.clone().serve(BufReader::new(stream)));
    }

    /// Nobody listens, and all connections break.
    pub(crate) async fn take_down(&mut self) {
        self.endpoint.down().await;
    }

    /// Writes a file that the config names.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.join(name), content).expect("the folder is ours");
    }

    /// What is in a file that the config names.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("it was written")
    }

    /// Removes a file that the config names.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.folder.join(name)).expect("it was written");
    }

    /// Where the cluster is, or will be.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.endpoint.address)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn kubeconfig(&self) -> String {
        let (ca, token, url) = (self.path("ca.crt"), self.path("token"), self.url());
        format!(
            "{{apiVersion: v1, kind: Config, current-context: c,
               contexts: [{{name: c, context: {{cluster: k, user: u}}}}],
               clusters: [{{name: k, cluster: {{server: \"{url}\", certificate-authority: {ca}}}}}],
               users: [{{name: u, user: {{tokenFile: {token}}}}}]}}"
        )
    }

    /// Starts to learn from the API server. `more` are further keys of the config's section.
    pub(crate) fn watch(&self, more: &str) -> Known {
        let kubeconfig = self.path("kubeconfig");
        start(&format!("{{source: api, node: node-1, kubeconfig: \"{kubeconfig}\", {more}}}"))
    }

    /// Starts to learn from the same server as if it was a kubelet. `more` are further keys of its section.
    pub(crate) fn poll(&self, more: &str) -> Known {
        let (ca, token, url) = (self.path("ca.crt"), self.path("token"), self.url());
        start(&format!(
            "{{source: kubelet, node: node-1, kubelet: {{url: \"{url}\", interval: 1s, \
              ca_file: \"{ca}\", token_file: \"{token}\", {more}}}}}"
        ))
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn start(section: &str) -> Known {
    let config = Config::from_yaml("test", format!("kubernetes: {section}").as_bytes()).expect("valid");
    Known(kubernetes::start(&config.kubernetes))
}

/// What the exporter knows.
pub(crate) struct Known(pub(crate) Pods);

impl Known {
    /// Waits until it is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Pods) -> bool) {
        let started = Instant::now();
        while !is_so(&self.0) {
            assert!(started.elapsed() < LONG, "never {what}: {:?}", self.0);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until all is known.
    pub(crate) async fn synced(&self) {
        self.until("in sync", |pods| pods.status().synced).await;
    }

    /// Waits until a container is known.
    pub(crate) async fn knows(&self, id: &str) {
        self.until(id, |pods| pods.container(id, None).is_some()).await;
    }

    /// The name of a container and its pod's.
    pub(crate) fn names(&self, id: &str, uid: Option<&str>) -> Option<(String, String)> {
        let ContainerOfPod { name, pod, .. } = &*self.0.container(id, uid)?;
        Some((name.clone(), pod.name.clone()))
    }

    /// How many failures of this kind there were.
    pub(crate) fn errors(&self, reason: Reason) -> u64 {
        let errors = self.0.status().errors;
        errors.into_iter().find(|(known, _)| *known == reason).map_or(0, |(_, count)| count)
    }
}
