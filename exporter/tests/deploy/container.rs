//! The image, built and run by podman with exactly what the manifests say.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    authority::Authority,
    client::{Client, basic},
    fetched,
    harness::{Scrape, turn, unique, wait_for},
    kubernetes::with_components,
    object, statically, text,
    tools::{or_skip, root_folder},
};

/// Where every exporter of a pod is, in the pod's network.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9985);

/// A running exporter in a container.
pub(crate) struct Running {
    process: libc::pid_t,
}

impl Running {
    /// Does something in its network.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let network = File::open(format!("/proc/{}/ns/net", self.process)).expect("it runs");
        let enter = move || {
            // SAFETY: a namespace that is open; it is this thread's only.
            assert_eq!(unsafe { libc::setns(network.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// A field of the status of its process.
    fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process)).expect("it runs");
        let mut values = status.lines().filter_map(|line| line.strip_prefix(field)?.strip_prefix(":\t"));
        values.next().expect(field).to_owned()
    }

    /// Memory that its cgroup is charged with, maps of the kernel included, where cgroups are counted so.
    fn memory(&self) -> Option<u64> {
        let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", self.process)).expect("it runs");
        let path = cgroups.lines().find_map(|line| line.split_once(":memory:").or(line.split_once("0::")))?.1;
        let files = ["memory/FILE/memory.usage_in_bytes", "FILE/memory.current"];
        let read = |file: &str| {
            let file = Path::new("/sys/fs/cgroup").join(file.replace("FILE", path.trim_start_matches('/')));
            fs::read_to_string(file).ok()?.trim().parse().ok()
        };
        files.into_iter().find_map(read)
    }
}

/// Pods of the image, gone when dropped.
pub(crate) struct Pods {
    child: Child,
    /// Ends the script when it is closed.
    input: Option<ChildStdin>,
    manifest: PathBuf,
    image_bytes: u64,
    /// What doctor says, if it was asked.
    doctor: Value,
    exporters: BTreeMap<String, Running>,
}

impl Pods {
    /// Plays these objects, as far as they make pods.
    pub(crate) fn play(objects: &[Value]) -> Result<Self, String> {
        fetched("podman/usr/bin/podman")?;
        let root = root_folder().join(".cache/podman");
        let context = root_folder().join("target/tmp").join(unique("image"));
        let linked = statically::linked();
        statically::run(
            "scripts/image.sh",
            &["--context", &context.to_string_lossy(), &linked.to_string_lossy()],
        );
        let manifest = context.with_extension("yaml");
        let kinds = ["ConfigMap", "Secret", "DaemonSet"];
        let objects =
            kinds.iter().flat_map(|kind| objects.iter().filter(move |object| object["kind"] == *kind));
        let documents = objects.map(|object| format!("---\n{}\n", as_the_kubelet_reads(object)));
        fs::write(&manifest, documents.collect::<String>()).expect("target can be written");
        let mut child = Command::new("unshare")
            .args(["--mount", "bash"])
            .arg(root_folder().join("exporter/tests/deploy/podman.sh"))
            .args([&root, &context, &manifest])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux has unshare");
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut pods =
            Self { child, input, manifest, image_bytes: 0, doctor: Value::Null, exporters: BTreeMap::new() };
        for line in lines.map(|line| line.expect("text")).take_while(|line| line != "ready") {
            match line.split_once(' ') {
                _ if line.starts_with('{') => pods.doctor = serde_json::from_str(&line).expect(&line),
                Some((name, process)) => {
                    let process = process.parse().expect(&line);
                    pods.exporters.insert(name.to_owned(), Running { process });
                }
                None => pods.image_bytes = line.parse().expect(&line),
            }
        }
        let _ = fs::remove_dir_all(context);
        assert!(!pods.exporters.is_empty(), "no container runs");
        Ok(pods)
    }

    /// The exporter, if there is but one.
    pub(crate) fn only(&self) -> &Running {
        assert_eq!(self.exporters.len(), 1);
        self.exporters.values().next().expect("one")
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.manifest);
    }
}

/// What podman does not know of: the fields that the kubelet fills in, and where the image is.
fn as_the_kubelet_reads(object: &Value) -> Value {
    let mut object = object.clone();
    if object["kind"] != "DaemonSet" {
        return object;
    }
    let container = &mut object["spec"]["template"]["spec"]["containers"][0];
    container["image"] = json!("localhost/kernel-exporter:test");
    for variable in container["env"].as_array_mut().into_iter().flatten() {
        let field = variable["valueFrom"]["fieldRef"]["fieldPath"].as_str().map(str::to_owned);
        if let Some(field) = field {
            let value = match &field[..] {
                "spec.nodeName" => "node-1",
                "status.hostIP" => "127.0.0.1",
                _ => panic!("{field}"),
            };
            *variable = json!({ "name": variable["name"], "value": value });
        }
    }
    object
}

/// The same, to run doctor once.
fn asked_for_doctor(daemon_set: &Value) -> Value {
    let mut doctor = daemon_set.clone();
    doctor["metadata"]["name"] = json!("doctor");
    let pod = &mut doctor["spec"]["template"]["spec"];
    pod["restartPolicy"] = json!("Never");
    let arguments = pod["containers"][0]["args"].as_array_mut().expect("arguments");
    arguments.extend(["doctor", "--format=json"].map(|argument| json!(argument)));
    doctor
}

#[test]
fn every_default_collector_measures_with_the_manifest_s_privileges() {
    let Some(_turn) = turn() else { return };
    let mut objects = or_skip!(with_components("container", &[]));
    let doctor = asked_for_doctor(object(&objects, "DaemonSet"));
    objects.push(doctor);
    let pods = or_skip!(Pods::play(&objects));
    let exporter = pods.only();

    // CAP_PERFMON and CAP_BPF, no_new_privs, a filter on system calls, and a root that can't be written.
    assert_eq!(exporter.status("CapEff"), "000000c000000000");
    assert_eq!((&exporter.status("NoNewPrivs")[..], &exporter.status("Seccomp")[..]), ("1", "2"));
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", exporter.process)).expect("it runs");
    for point in ["/", "/sys", "/sys/fs/cgroup", "/etc/kernel-exporter"] {
        let mount = mounts.lines().find(|line| line.split(' ').nth(4) == Some(point)).expect(point);
        assert!(mount.split(' ').nth(5).is_some_and(|options| options.starts_with("ro")), "{mount}");
    }

    let get = |path| exporter.inside(|| Client::plain().get(ADDRESS, path, "").expect("it answers"));
    wait_for("it is ready", || get("/readyz").status() == 200);
    assert_eq!(get("/healthz").status(), 200);
    let scrape = Scrape::parse(&get("/metrics").body);
    let parts = pods.doctor["parts"].as_array().expect("parts");
    let mut measured = 0;
    for part in parts.iter().filter(|part| !matches!(part["status"].as_str(), Some("failed" | "off"))) {
        let name = part["name"].as_str().expect("a name");
        if name != "cgroup_events" {
            assert_eq!(scrape.sum("kernel_exporter_collector_up", &[("collector", name)]), 1, "{name}");
            measured += 1;
        }
    }
    let here =
        Command::new(statically::linked()).args(["doctor", "--format", "json"]).output().expect("it starts");
    let here: Value = serde_json::from_slice(&here.stdout).expect("JSON");
    let status = |doctor: &Value| -> Vec<Value> {
        let parts = doctor["parts"].as_array().expect("parts");
        parts.iter().map(|part| json!([part["name"], part["status"]])).collect()
    };
    assert_eq!(status(&pods.doctor), status(&here), "as much works in the container as outside");
    assert!(measured >= 3, "{parts:?}");
    assert_eq!(pods.doctor["machine"]["host_pid_namespace"], true);

    // Cgroups are seen from their root, so that what was there before the exporter has a name.
    assert_eq!(pods.doctor["machine"]["cgroup_mount"], here["machine"]["cgroup_mount"]);

    println!("image {:.1} MB", pods.image_bytes as f64 / 1e6);
    println!("memory {:?} MB", exporter.memory().map(|bytes| bytes / 1_000_000));
    assert!(pods.image_bytes < 25_000_000, "{} bytes", pods.image_bytes);
    assert!(exporter.memory().is_none_or(|bytes| bytes < 128 << 20), "{:?}", exporter.memory());
}

#[test]
fn tls_and_users_are_switched_on_by_a_secret() {
    let Some(_turn) = turn() else { return };
    let mut objects = or_skip!(with_components("container-tls", &["node-address", "tls", "state"]));
    let authority = Authority::new();
    let identity = authority.issue("localhost");
    let files = [
        ("web-config.yml", text("deploy/web-config.yml")),
        ("tls.crt", identity.certificate),
        ("tls.key", identity.key),
    ];
    let data = files.map(|(name, content)| (name.to_owned(), json!(STANDARD.encode(content))));
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "kernel-exporter-web" },
        "data": Value::Object(data.into_iter().collect()),
    }));
    for object in &mut objects {
        // The network of the machine is not for tests.
        if let Some(pod) = object["spec"]["template"]["spec"].as_object_mut() {
            pod.remove("hostNetwork");
        }
    }
    let pods = or_skip!(Pods::play(&objects));
    let get = |headers: &str| {
        let client = Client::of(&authority);
        pods.only().inside(|| client.get(ADDRESS, "/metrics", headers))
    };
    wait_for("it serves", || get("").is_ok());
    assert_eq!(get("").expect("an answer").status(), 401);
    let scrape = get(&basic("prometheus", "change-me")).expect("an answer");
    assert_eq!(
        (scrape.status(), scrape.sample("kernel_exporter_config_last_reload_successful")),
        (200, Some(1.0))
    );
    let plain = pods.only().inside(|| Client::plain().get(ADDRESS, "/metrics", ""));
    assert!(plain.is_ok_and(|response| response.status() == 400), "nothing is served without TLS");
}
