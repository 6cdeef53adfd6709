//! Any text as the path of a cgroup, and as names below one: nobody passes for somebody else. The same must hold as
//! in the properties beside the code (`exporter/src/entities/place/tests.rs`).

#![no_main]

use std::sync::LazyLock;

use kernel_exporter::entities::place::Place;
use libfuzzer_sys::fuzz_target;

const A: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const UID: &str = "6e91c467_e4c5_11e7_ace3_0a97ed59c75e";

/// Containers whose owners may make cgroups in them.
static CONTAINERS: LazyLock<[String; 5]> = LazyLock::new(|| {
    [
        format!("/docker/{A}"),
        format!("/system.slice/docker-{A}.scope"),
        format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope"),
        "/lxc.payload.c".to_owned(),
        "/lxc/c".to_owned(),
    ]
});

/// Containers of pods.
static IN_PODS: LazyLock<[String; 4]> = LazyLock::new(|| {
    let pod = format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID}.slice");
    [
        format!("{pod}/cri-containerd-{A}.scope"),
        format!("{pod}/crio-{A}.scope"),
        format!("{pod}/docker-{A}.scope"),
        format!("/kubepods/besteffort/pod{}/{A}", UID.replace('_', "-")),
    ]
});

fuzz_target!(|text: &str| {
    Place::of(text);
    stands_in_the_path(&format!("/{text}"));
    for path in CONTAINERS.iter() {
        let itself = Place::of(path);
        assert!(itself.container.is_some(), "{path}");
        let place = Place::of(&format!("{path}/{text}"));
        assert!(place == itself || place.outer == itself.container, "{place:?}");
    }
    for path in IN_PODS.iter() {
        let itself = Place::of(path);
        assert!(itself.pod.is_some() && itself.container.is_some(), "{path}");
        assert_eq!(Place::of(&format!("{path}/{text}")), itself);
    }
    let user = Place::of(&format!("/user.slice/user-1000.slice/user@1000.service/{text}"));
    assert_eq!((user.unit.as_deref(), user.pod), (Some("user@1000.service"), None));
    let service = Place::of(&format!("/system.slice/mine.service/{text}"));
    assert_eq!(service.unit.as_deref(), Some("mine.service"));
});

/// Nothing is told that is not written there, as it is or as systemd escapes names of machines.
fn stands_in_the_path(path: &str) {
    let place = Place::of(path);
    let unescaped = unescaped(path);
    for container in [&place.container, &place.monitor_of, &place.outer].into_iter().flatten() {
        assert!(path.contains(&container.id) || unescaped.contains(&container.id), "{container:?}");
    }
    if let Some(pod) = &place.pod {
        assert!(path.contains(&pod.uid) || path.contains(&pod.uid.replace('-', "_")), "{pod:?}");
    }
    if let Some(unit) = &place.unit {
        assert!(path.contains(unit.as_str()) || unit == "-.slice", "{unit}");
    }
}

/// The text with every `\xNN` as the byte that it stands for.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => bytes.extend_from_slice(format!("\\x{part}").as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
