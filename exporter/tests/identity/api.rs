//! An API server in this process, with the files that lead to it.

use std::{env, fs, path::PathBuf};

use tokio::{io::BufReader, runtime::Runtime};

use crate::{
    cluster::Cluster,
    endpoint::{Certificates, Endpoint},
    harness::*,
};

/// An API server. It and its files go when it is dropped.
pub(crate) struct Api {
    pub(crate) cluster: Cluster,
    /// For the exporter's config.
    pub(crate) config: String,
    folder: PathBuf,
    _runtime: Runtime,
    _endpoint: Endpoint,
}

impl Api {
    /// One that knows nothing of any pod.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a thread");
        let folder = env::temp_dir().join(unique("api"));
        fs::create_dir(&folder).expect("the name is unique");
        let (cluster, certificates) = (Cluster::new("token"), Certificates::new());
        let (mut endpoint, serving) = {
            let _inside = runtime.enter();
            (Endpoint::new(&certificates), cluster.clone())
        };
        runtime.block_on(async {
            endpoint.up(move |stream| serving.clone().serve(BufReader::new(stream)));
        });
        let file = |name: &str, content: &str| {
            let path = folder.join(name);
            fs::write(&path, content).expect("the folder is ours");
            path.display().to_string()
        };
        let (ca, token) = (file("ca.crt", &certificates.ca_pem), file("token", "token"));
        let address = endpoint.address;
        let kubeconfig = file(
            "kubeconfig",
            &format!(
                "{{apiVersion: v1, kind: Config, current-context: c,
                   contexts: [{{name: c, context: {{cluster: k, user: u}}}}],
                   clusters: [{{name: k, cluster: {{server: \"https://{address}\", certificate-authority: {ca}}}}}],
                   users: [{{name: u, user: {{tokenFile: {token}}}}}]}}"
            ),
        );
        let config = format!("kubernetes: {{source: api, node: node-1, kubeconfig: \"{kubeconfig}\"}}\n");
        Self { cluster, config, folder, _runtime: runtime, _endpoint: endpoint }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Waits until an exporter knows as many containers by name.
pub(crate) fn wait_until_known(exporter: &Exporter, containers: u64) {
    wait_for("the exporter hears of the pods", || {
        let scrape = exporter.scrape();
        scrape.sum("kernel_exporter_kubernetes_synced", &[]) == 1
            && scrape.sum("kernel_exporter_kubernetes_containers", &[]) == containers
    });
}
