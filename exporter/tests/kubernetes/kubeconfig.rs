//! The ways to an API server that a kubeconfig can describe.

use k8s_openapi::ByteString;
use kernel_exporter::entities::kubernetes::Reason;

use crate::{samples::small, setting::Setting};

/// A kubeconfig with this cluster and user.
fn kubeconfig(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: there\npreferences: {{}}\n\
         contexts:\n- name: elsewhere\n  context: {{cluster: none, user: none}}\n\
         - name: there\n  context: {{cluster: c, user: u, namespace: n}}\n\
         clusters:\n- name: c\n  cluster: {cluster}\nusers:\n- name: u\n  user: {user}\n"
    )
}

fn base64(text: &str) -> String {
    serde_json::to_string(&ByteString(text.as_bytes().to_vec())).expect("text can be written")
}

#[tokio::test]
async fn leads_to_the_cluster_by_files_or_by_what_it_holds_itself() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    let server = format!("server: \"{}/\"", setting.url());
    let (ca, certificate, key) =
        (setting.read("ca.crt"), setting.read("client.crt"), setting.read("client.key"));
    for (cluster, user) in [
        // Names of files without a folder are beside the kubeconfig.
        (
            format!("{{{server}, certificate-authority: ca.crt}}"),
            "{tokenFile: token, client-certificate: client.crt, client-key: client.key}".to_owned(),
        ),
        (
            format!("{{{server}, certificate-authority-data: {}}}", base64(&ca)),
            format!(
                "{{token: token-1, client-certificate-data: {}, client-key-data: {}}}",
                base64(&certificate),
                base64(&key)
            ),
        ),
        (format!("{{{server}, insecure-skip-tls-verify: true}}"), "{token: token-1}".to_owned()),
    ] {
        setting.write("kubeconfig", &kubeconfig(&cluster, &user));
        setting.watch("").knows("small-1-a").await;
    }
}

#[tokio::test]
async fn says_what_is_wrong_and_is_read_again() {
    let setting = Setting::new();
    let server = format!("server: \"{}\"", setting.url());
    let cluster = format!("{{{server}, certificate-authority: ca.crt}}");
    for (file, message) in [
        ("a: [".to_owned(), "kubeconfig: "),
        ("{}".to_owned(), "missing field `current-context`"),
        (kubeconfig(&cluster, "{}"), "the user has neither a token nor a client certificate"),
        (kubeconfig(&cluster, "{tokenFile: missing}"), "missing: No such file or directory"),
        (kubeconfig(&cluster, "{token: \"a\\nb\"}"), "the token: it has characters that no token has"),
        (kubeconfig(&format!("{{{server}}}"), "{token: t}"), "the cluster has no certificate-authority"),
        (
            kubeconfig(&format!("{{{server}, certificate-authority: token}}"), "{token: t}"),
            "the CA's certificates: no certificate in PEM",
        ),
        (
            kubeconfig("{server: \"http://127.0.0.1:1\", certificate-authority: ca.crt}", "{token: t}"),
            "the cluster's server does not begin with https://",
        ),
        (kubeconfig(&cluster, "{token: t}").replace("name: u", "name: v"), "there is no user of the name"),
    ] {
        setting.write("kubeconfig", &file);
        let known = setting.watch("");
        known.until("refused", |_| known.errors(Reason::Credentials) > 0).await;
        let error = known.0.status().last_error.expect("there was one");
        assert!(error.contains(message), "{error:?} for {file}");
        if message.starts_with("the CA") {
            setting.write("kubeconfig", &kubeconfig(&cluster, "{token: token-1}"));
            known.until("in sync", |pods| pods.status().synced).await;
        }
    }
}
