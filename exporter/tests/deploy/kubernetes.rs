//! Objects of Kubernetes: whether it would take them, and what a pod is allowed.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{answered, documents, fetched, python, text, tools::root_folder};

/// The versions of Kubernetes whose schemas objects must fit.
const VERSIONS: [&str; 3] = ["1.32", "1.34", "1.37"];

/// What Kubernetes and prometheus-operator would say against these objects; unknown fields count.
pub(crate) fn mistakes(objects: &[Value]) -> Result<Value, String> {
    let schema: Value =
        serde_json::from_str(&text("exporter/tests/deploy/monitoring.schema.json")).expect("JSON");
    let case = json!({ "objects": objects, "versions": VERSIONS, "monitoring": schema });
    Ok(answered(&python()?, "validate.py", &case))
}

/// The objects that a folder is built to.
pub(crate) fn kustomized(folder: &Path) -> Result<Vec<Value>, String> {
    let kubectl = fetched("kubectl/usr/bin/kubectl")?;
    let output = Command::new(kubectl).arg("kustomize").arg(folder).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(documents(&String::from_utf8(output.stdout).expect("UTF-8")))
}

/// The manifests with these components, or why they can't be built here.
pub(crate) fn with_components(name: &str, components: &[&str]) -> Result<Vec<Value>, String> {
    // kustomize takes folders by relative paths only.
    let folder = root_folder().join("target/tmp").join(format!("deploy-{name}"));
    let up = "../../../deploy/kubernetes";
    let components: Vec<String> = components.iter().map(|name| format!("{up}/components/{name}")).collect();
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [format!("{up}/base")],
        "components": components,
    });
    fs::create_dir_all(&folder).expect("target can be written");
    fs::write(folder.join("kustomization.yaml"), kustomization.to_string()).expect("target can be written");
    kustomized(&folder)
}

/// Asserts that a DaemonSet asks for no more than the exporter needs. Of the node's folders, those in `written` may be
/// written.
pub(crate) fn assert_least_privilege(daemon_set: &Value, written: &[&str]) {
    let pod = &daemon_set["spec"]["template"]["spec"];
    assert_eq!(pod["hostPID"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["securityContext"]["runAsUser"], 0);
    let containers = pod["containers"].as_array().expect("containers");
    assert_eq!((containers.len(), &pod["initContainers"]), (1, &Value::Null));
    assert_eq!(
        containers[0]["securityContext"],
        json!({
            "privileged": false,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"], "add": ["BPF", "PERFMON"] },
        })
    );
    let mounts = containers[0]["volumeMounts"].as_array().expect("mounts");
    for volume in pod["volumes"].as_array().expect("volumes") {
        let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]).expect("it is mounted");
        let path = volume["hostPath"]["path"].as_str();
        let may_write = path.is_some_and(|path| written.contains(&path));
        assert_eq!(mount["readOnly"] == true, !may_write, "{mount}");
        if let Some(path) = path
            && !may_write
        {
            assert_eq!((path, &mount["recursiveReadOnly"]), ("/sys/fs/cgroup", &json!("IfPossible")));
        }
    }
    assert_eq!(mounts.len(), pod["volumes"].as_array().map_or(0, Vec::len));
    let node = &containers[0]["env"][0];
    assert_eq!(
        (&node["name"], &node["valueFrom"]["fieldRef"]["fieldPath"]),
        (&json!("NODE_NAME"), &json!("spec.nodeName"))
    );
}

/// The config in a ConfigMap.
pub(crate) fn config_in(config_map: &Value) -> &str {
    config_map["data"]["config.yaml"].as_str().expect("a config")
}

/// What `kernel-exporter check` says against a config; nothing if it is valid.
pub(crate) fn refused_by_check(config: &str) -> String {
    let file = std::env::temp_dir().join(crate::harness::unique("deploy.yaml"));
    fs::write(&file, config).expect("a folder for temporary files");
    let output = Command::new(crate::statically::linked()).arg("check").arg("--config").arg(&file).output();
    let output = output.expect("the program starts");
    let _ = fs::remove_file(&file);
    if output.status.success() { String::new() } else { String::from_utf8_lossy(&output.stderr).into_owned() }
}
