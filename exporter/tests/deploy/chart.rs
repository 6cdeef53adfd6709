//! The Helm chart, rendered by Helm's own engine.

use serde_json::{Value, json};

use crate::{
    answered, documents,
    kubernetes::{assert_least_privilege, config_in, kustomized, mistakes, refused_by_check},
    object, python,
    tools::{or_skip, root_folder},
};

/// What Helm says: of the chart, and for each case of values.
fn helm(cases: &[Value]) -> Result<Value, String> {
    let chart = root_folder().join("deploy/helm/kernel-exporter");
    Ok(answered(&python()?, "helm.py", &json!({ "chart": chart, "cases": cases })))
}

/// The objects of each case.
fn rendered(cases: &[Value]) -> Result<Vec<Vec<Value>>, String> {
    let answer = helm(cases)?;
    let objects = |case: &Value| {
        let templates = case["rendered"].as_object().unwrap_or_else(|| panic!("{case}"));
        let manifests = templates.iter().filter(|(name, _)| !name.ends_with("NOTES.txt"));
        manifests.flat_map(|(_, text)| documents(text.as_str().expect("text"))).collect()
    };
    Ok(answer["cases"].as_array().expect("a list").iter().map(objects).collect())
}

/// Everything that can be switched on.
fn everything() -> Value {
    json!({
        "commonLabels": { "team": "blue" },
        "image": { "registry": "registry.example.com", "digest": format!("sha256:{}", "0".repeat(64)) },
        "imagePullSecrets": [{ "name": "registry" }],
        "listen": { "at": "node", "port": 9986 },
        "web": { "secret": "kernel-exporter-web" },
        "stateFolder": "/run/kernel-exporter",
        "serviceAccount": { "annotations": { "a": "b" } },
        "extraArgs": ["--log-format=json"],
        "extraEnv": [{ "name": "OTEL_SERVICE_NAME", "value": "kernel" }],
        "extraEnvFrom": [{ "secretRef": { "name": "otlp" } }],
        "extraVolumes": [{ "name": "ca", "secret": { "secretName": "ca" } }],
        "extraVolumeMounts": [{ "name": "ca", "mountPath": "/etc/ca", "readOnly": true }],
        "podLabels": { "tier": "node" },
        "podAnnotations": { "c": "d" },
        "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchExpressions": [{ "key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"] }] }
        ] } } },
        "priorityClassName": "system-node-critical",
        "podMonitor": {
            "enabled": true,
            "labels": { "release": "prometheus" },
            "interval": "15s",
            "scrapeTimeout": "10s",
            "classicHistograms": true,
            "sampleLimit": 20000,
            "tlsConfig": { "ca": { "secret": { "name": "web", "key": "ca.crt" } }, "serverName": "kernel-exporter" },
            "basicAuth": { "username": { "name": "web", "key": "user" }, "password": { "name": "web", "key": "password" } },
            "relabelings": [{ "targetLabel": "cluster", "replacement": "one" }],
            "metricRelabelings": [{ "sourceLabels": ["__name__"], "regex": "process_.*", "action": "drop" }],
        },
        "prometheusRule": { "enabled": true, "labels": { "release": "prometheus" } },
        "dashboards": { "enabled": true, "namespace": "grafana", "annotations": { "grafana_folder": "Kernel" } },
        "networkPolicy": { "enabled": true, "extraEgress": [{ "ports": [{ "protocol": "TCP", "port": 4317 }] }] },
    })
}

#[test]
fn kubernetes_takes_what_it_makes() {
    let cases = [
        json!({}),
        everything(),
        json!({ "serviceMonitor": { "enabled": true }, "rbac": { "kubelet": true } }),
    ];
    let cases = or_skip!(rendered(&cases));
    for objects in &cases {
        assert_eq!(or_skip!(mistakes(objects)), json!([]));
    }
    let kinds: Vec<&str> = cases.iter().flatten().filter_map(|object| object["kind"].as_str()).collect();
    for kind in ["NetworkPolicy", "PodMonitor", "Service", "ServiceMonitor", "ClusterRoleBinding"] {
        assert!(kinds.contains(&kind), "no {kind}");
    }
    // As many as there are originals of: tests/copies.rs knows which.
    let chart = root_folder().join("deploy/helm/kernel-exporter/files");
    for (folder, kind) in [("rules", "PrometheusRule"), ("dashboards", "ConfigMap")] {
        let files = std::fs::read_dir(chart.join(folder)).into_iter().flatten().count();
        let of_kind = cases[1].iter().filter(|object| object["kind"] == kind).count();
        assert_eq!(of_kind, files + usize::from(kind == "ConfigMap"), "{kind}");
    }
}

#[test]
fn helm_has_nothing_to_complain_about() {
    let answer = or_skip!(helm(&[]));
    assert_eq!(answer["lint"]["errors"], json!([]), "{}", answer["lint"]);
    let messages = answer["lint"]["messages"].as_array().expect("a list");
    let complaints: Vec<_> =
        messages.iter().filter(|message| message["error"] != "icon is recommended").collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn by_default_it_makes_what_kustomize_makes() {
    let cases = or_skip!(rendered(&[json!({ "fullnameOverride": "kernel-exporter" }), everything()]));
    let kustomized = or_skip!(kustomized(&root_folder().join("deploy/kubernetes/base")));
    assert_least_privilege(object(&cases[0], "DaemonSet"), &[]);
    // A label more, and what Kubernetes would add by itself.
    let essence = |objects: &[Value]| {
        let mut pod = object(objects, "DaemonSet")["spec"]["template"]["spec"].clone();
        pod.as_object_mut().expect("a pod").remove("dnsPolicy");
        pod.as_object_mut().expect("a pod").remove("terminationGracePeriodSeconds");
        (pod, object(objects, "ClusterRole")["rules"].clone())
    };
    assert_eq!(essence(&cases[0]), essence(&kustomized));

    let mut daemon_set = object(&cases[1], "DaemonSet").clone();
    let pod = &mut daemon_set["spec"]["template"]["spec"];
    assert_eq!(pod["hostNetwork"], true);
    let arguments = json!([
        "--config=/etc/kernel-exporter/config.yaml",
        "--listen=$(NODE_IP):9986",
        "--web.config.file=/etc/kernel-exporter-web/web-config.yml",
        "--log-format=json",
    ]);
    assert_eq!(pod["containers"][0]["args"], arguments);
    assert_least_privilege(&daemon_set, &["/run/kernel-exporter"]);
}

#[test]
fn the_config_is_what_was_asked_for() {
    let cases = [
        json!({}),
        json!({ "listen": { "port": 1234 }, "stateFolder": "/run/kernel-exporter" }),
        json!({ "listen": { "at": "node" }, "config": { "limits": { "processes": 1_048_576 } } }),
        json!({ "listen": { "at": "node", "host": "[::]" } }),
        json!({ "config": { "collectors": { "process": { "enabled": false } }, "listen": "[::]:9985" } }),
    ];
    let expected = [
        json!({ "listen": "0.0.0.0:9985" }),
        json!({ "listen": "0.0.0.0:1234", "restart": { "state_file": "/run/kernel-exporter/state.json" } }),
        json!({ "limits": { "processes": 1_048_576 } }),
        json!({ "listen": "[::]:9985" }),
        json!({ "collectors": { "process": { "enabled": false } }, "listen": "[::]:9985" }),
    ];
    let cases = or_skip!(rendered(&cases));
    for (objects, expected) in cases.iter().zip(expected) {
        let config = config_in(object(objects, "ConfigMap"));
        assert_eq!(refused_by_check(config), "", "{config}");
        assert_eq!(documents(config), [expected]);
    }
}

#[test]
fn mistakes_in_values_are_refused() {
    for (values, hint) in [
        (json!({ "tolerance": [] }), "tolerance"),
        (json!({ "listen": { "at": "host" } }), "/listen/at"),
        (json!({ "config": { "collectors": { "proces": {} } } }), "proces"),
        (json!({ "config": { "limits": { "slots": 1 } } }), "/config/limits/slots"),
        (json!({ "image": { "digest": "sha256:1" } }), "/image/digest"),
        (
            json!({ "podMonitor": { "enabled": true }, "serviceMonitor": { "enabled": true } }),
            "scraped twice",
        ),
    ] {
        let answer = or_skip!(helm(std::slice::from_ref(&values)));
        let refused = answer["cases"][0]["refused"].as_str();
        assert!(refused.is_some_and(|text| text.contains(hint)), "{values}: {answer}");
    }
}

/// No key of the values is unknown to the schema, and none that the schema knows is undocumented.
#[test]
fn values_and_schema_have_the_same_keys() {
    let answer = or_skip!(helm(&[]));
    let schema = &answer["schema"];
    let mut keys = Vec::new();
    of_schema(schema, schema, "", &mut keys);
    keys.retain(|key| key != "/global");
    let mut present = Vec::new();
    of_values(&answer["values"], &keys, "", &mut present);
    keys.sort_unstable();
    present.sort_unstable();
    assert_eq!(present, keys);
}

fn of_schema(schema: &Value, root: &Value, path: &str, keys: &mut Vec<String>) {
    let schema = match schema["$ref"].as_str() {
        // The config's own schema is a matter of tests/shipped/schema.rs.
        Some("#/definitions/config") => &Value::Null,
        Some(reference) => root.pointer(reference.trim_start_matches('#')).expect(reference),
        None => schema,
    };
    match schema["properties"].as_object() {
        Some(properties) => {
            properties.iter().for_each(|(key, inner)| of_schema(inner, root, &format!("{path}/{key}"), keys));
        }
        None => keys.push(path.to_owned()),
    }
}

/// As deep as the schema goes.
fn of_values(values: &Value, known: &[String], path: &str, keys: &mut Vec<String>) {
    match values.as_object() {
        Some(inner) if !known.contains(&path.to_owned()) => {
            inner.iter().for_each(|(key, value)| of_values(value, known, &format!("{path}/{key}"), keys));
        }
        _ => keys.push(path.to_owned()),
    }
}
