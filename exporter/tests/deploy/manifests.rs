//! The manifests, built by kustomize.

use serde_json::{Value, json};

use crate::{
    documents,
    kubernetes::{
        assert_least_privilege, config_in, kustomized, mistakes, refused_by_check, with_components,
    },
    object, text,
    tools::{or_skip, root_folder},
};

const BASE: &str = "deploy/kubernetes/base";

fn base() -> Result<Vec<Value>, String> {
    kustomized(&root_folder().join(BASE))
}

fn container(objects: &[Value]) -> &Value {
    &object(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn kubernetes_takes_them() {
    let everything =
        [&["node-address", "tls", "pod-monitor", "network-policy", "state"][..], &["service-monitor"]];
    let mut objects = or_skip!(base());
    objects.extend(or_skip!(kustomized(&root_folder().join("deploy/kubernetes/overlays/node-address"))));
    for (n, components) in everything.iter().enumerate() {
        objects.extend(or_skip!(with_components(&format!("all-{n}"), components)));
    }
    let kinds =
        ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet"];
    let kinds = kinds.into_iter().chain(["NetworkPolicy", "PodMonitor", "Service", "ServiceMonitor"]);
    for kind in kinds {
        assert!(objects.iter().any(|object| object["kind"] == kind), "no {kind}");
    }
    assert_eq!(or_skip!(mistakes(&objects)), json!([]));
}

/// The judges are awake.
#[test]
fn mistakes_would_be_found() {
    let mut objects = or_skip!(with_components("mistakes", &["pod-monitor"]));
    for object in &mut objects {
        match object["kind"].as_str() {
            Some("DaemonSet") => object["spec"]["template"]["spec"]["hostPid"] = json!(true),
            Some("PodMonitor") => object["spec"]["podMetricsEndpoints"][0]["honorLabel"] = json!(true),
            _ => {}
        }
    }
    let found = or_skip!(mistakes(&objects));
    let found: Vec<&str> = found.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(found.iter().filter(|text| text.contains("hostPid")).count(), 3, "{found:?}");
    assert_eq!(found.iter().filter(|text| text.contains("honorLabel")).count(), 1, "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn nothing_is_asked_for_that_is_not_needed() {
    let objects = or_skip!(base());
    assert_least_privilege(object(&objects, "DaemonSet"), &[]);
    let pod = &object(&objects, "DaemonSet")["spec"]["template"]["spec"];
    assert_eq!((&pod["hostNetwork"], &pod["hostIPC"]), (&Value::Null, &Value::Null));
    let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"] }]);
    assert_eq!(object(&objects, "ClusterRole")["rules"], rules);
    let all = or_skip!(with_components("privilege", &["node-address", "tls", "network-policy", "state"]));
    assert_least_privilege(object(&all, "DaemonSet"), &["/run/kernel-exporter"]);
}

/// Whoever reads the manifest learns which collector a privilege is for.
#[test]
fn every_privilege_says_for_which_collector_it_is() {
    let manifest = text("deploy/kubernetes/base/daemonset.yaml");
    let lines: Vec<&str> = manifest.lines().map(str::trim).collect();
    let add = lines.iter().position(|line| *line == "add:").expect("capabilities");
    let added: Vec<_> = lines[add + 1..].iter().take_while(|line| line.starts_with("- ")).collect();
    assert_eq!(added.len(), 2);
    assert!(added.iter().all(|line| line.contains("collector")), "{added:?}");
    let comments_above = |at: usize| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with('#'));
        above.copied().collect::<String>()
    };
    let mount = lines.iter().position(|line| *line == "- name: cgroup").expect("a mount");
    assert!(comments_above(mount).contains("collector"), "{}", comments_above(mount));
    let pid = lines.iter().position(|line| *line == "hostPID: true").expect("hostPID");
    assert!(comments_above(pid).contains("`process`"), "{}", comments_above(pid));
}

#[test]
fn the_config_is_the_project_s_but_for_the_address() {
    let objects = or_skip!(base());
    let config = config_in(object(&objects, "ConfigMap"));
    assert_eq!(refused_by_check(config), "");
    let ours = text("config.yaml");
    let (mut documented, mut deployed) = (documents(&ours).remove(0), documents(config).remove(0));
    assert_eq!(documented["listen"].take(), "127.0.0.1:9985");
    assert_eq!(deployed["listen"].take(), "0.0.0.0:9985");
    assert_eq!(deployed, documented);
}

#[test]
fn it_listens_where_it_is_told_to() {
    let at_node = or_skip!(with_components("node", &["node-address"]));
    let arguments = json!(["--config=/etc/kernel-exporter/config.yaml", "--listen=$(NODE_IP):9985"]);
    assert_eq!(container(&at_node)["args"], arguments);
    assert_eq!(container(&at_node)["env"][1]["valueFrom"]["fieldRef"]["fieldPath"], "status.hostIP");
    let pod = &object(&at_node, "DaemonSet")["spec"]["template"]["spec"];
    assert_eq!((&pod["hostNetwork"], &pod["dnsPolicy"]), (&json!(true), &json!("ClusterFirstWithHostNet")));
}

#[test]
fn monitors_select_the_pods_and_keep_their_own_labels_off() {
    let objects = or_skip!(with_components("pod-monitor", &["pod-monitor"]));
    let labels = &object(&objects, "DaemonSet")["spec"]["template"]["metadata"]["labels"];
    let monitor = &object(&objects, "PodMonitor")["spec"];
    for (name, value) in monitor["selector"]["matchLabels"].as_object().expect("labels") {
        assert_eq!(&labels[name], value);
    }
    let endpoint = &monitor["podMetricsEndpoints"][0];
    assert_eq!((&endpoint["honorLabels"], &monitor["scrapeNativeHistograms"]), (&json!(true), &json!(true)));
    assert_eq!(endpoint["port"], container(&objects)["ports"][0]["name"]);
    let relabelings = endpoint["relabelings"].as_array().expect("a list");
    let dropped = json!({ "regex": "pod|container|namespace", "action": "labeldrop" });
    assert!(relabelings.contains(&dropped), "{relabelings:?}");
}
