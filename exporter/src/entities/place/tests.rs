//! The table of paths, and what must hold for every path.

use std::collections::HashSet;

use proptest::prelude::*;
use serde::Deserialize;

use super::{Container, Place, Pod};

const A: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const B: &str = "b6ed1a2c5f0e9d8c7b6a5948372615049f8e7d6c5b4a39281706f5e4d3c2b1a0";
const C: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
const U: &str = "6e91c467-e4c5-11e7-ace3-0a97ed59c75e";
const V: &str = "214f3ba8-4b69-4bdb-a7d5-5ecc73f04ae9";
const H: &str = "9da3b2a14682e1fb23be3c2492753207";

/// A row of the table, and a place in its words.
#[derive(Deserialize, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Row {
    path: String,
    pod: Option<String>,
    container: Option<String>,
    monitor_of: Option<String>,
    outer: Option<String>,
    unit: Option<String>,
    from: String,
}

impl Row {
    fn filled_in(self) -> Self {
        let words = |text: String| filled_in(&text);
        Self {
            path: words(self.path),
            pod: self.pod.map(words),
            container: self.container.map(words),
            monitor_of: self.monitor_of.map(words),
            outer: self.outer.map(words),
            unit: self.unit.map(words),
            from: self.from,
        }
    }

    /// What the row's path says.
    fn told(&self) -> Self {
        let place = Place::of(&self.path);
        let words = |container: Container| format!("{} {}", container.runtime.as_str(), container.id);
        Self {
            path: self.path.clone(),
            pod: place.pod.map(|Pod { uid, qos }| format!("{} {uid}", qos.as_str())),
            container: place.container.map(words),
            monitor_of: place.monitor_of.map(words),
            outer: place.outer.map(words),
            unit: place.unit,
            from: self.from.clone(),
        }
    }
}

fn filled_in(text: &str) -> String {
    let underscored = |uid: &str| uid.replace('-', "_");
    [("<A>", A), ("<B>", B), ("<C>", C), ("<U>", U), ("<V>", V), ("<H>", H)]
        .iter()
        .fold(text.to_owned(), |text, (letter, value)| text.replace(letter, value))
        .replace("<U_>", &underscored(U))
        .replace("<V_>", &underscored(V))
}

fn table() -> Vec<Row> {
    let rows: Vec<Row> =
        serde_yaml::from_str(include_str!("paths.yaml")).expect("paths.yaml is a list of rows");
    rows.into_iter().map(Row::filled_in).collect()
}

#[test]
fn every_path_says_what_the_table_says() {
    let wrong: Vec<String> = table()
        .into_iter()
        .map(|row| (row.told(), row))
        .filter(|(told, row)| told != row)
        .map(|(told, row)| format!("expected {row:#?}\ngot {told:#?}\n"))
        .collect();
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_complete_and_says_nothing_twice() {
    let rows = table();
    let paths: HashSet<&str> = rows.iter().map(|row| &*row.path).collect();
    assert_eq!(paths.len(), rows.len(), "a path is there twice");
    assert!(rows.iter().all(|row| !row.from.is_empty()), "a row doesn't say where it comes from");
    assert!(!rows.iter().any(|row| format!("{row:?}").contains('<')), "a letter without a meaning");
    assert!(rows.len() >= 70, "rows were lost: {}", rows.len());
}

#[test]
fn names_of_any_length_are_read() {
    let long = "a".repeat(4_000);
    assert_eq!(Place::of(&format!("/{long}")), Place::default());
    assert_eq!(Place::of(&format!("/lxc/{long}")), Place::default());
    assert_eq!(Place::of(&format!("/{long}.service")), Place::default());
    assert_eq!(Place::of(&format!("/docker/{}", A.repeat(60))), Place::default());
    let deep = "/a".repeat(2_000);
    assert_eq!(Place::of(&format!("/system.slice/x.service{deep}")).unit.as_deref(), Some("x.service"));
    let longest = format!("{}.service", "a".repeat(247));
    assert_eq!(Place::of(&format!("/{longest}")).unit, Some(longest));
}

/// Names from which somebody might build a path that passes for another.
fn hostile_name() -> impl Strategy<Value = String> {
    const NAMES: [&str; 26] = [
        "",
        ".",
        "..",
        "kubepods",
        "kubepods.slice",
        "burstable",
        "besteffort",
        "kubepods-burstable.slice",
        "kubepods-burstable-pod<U_>.slice",
        "kubepods-pod<V_>.slice",
        "pod<U>",
        "pod<H>",
        "docker",
        "lxc",
        "ns",
        "<A>",
        "<B>",
        "docker-<C>.scope",
        "cri-containerd-<A>.scope",
        "crio-conmon-<A>.scope",
        "libpod-<B>.scope",
        "kubepods-pod<V_>.slice:cri-containerd:<A>",
        "lxc.payload.x",
        "machine-x.scope",
        "user@0.service",
        "supervisor",
    ];
    prop_oneof![4 => proptest::sample::select(&NAMES[..]).prop_map(filled_in), 1 => "(?s).*"]
}

fn hostile_path() -> impl Strategy<Value = String> {
    proptest::collection::vec(hostile_name(), 0..12).prop_map(|names| names.join("/"))
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in "(?s).*", path in hostile_path()) {
        Place::of(&text);
        Place::of(&format!("/{text}"));
        Place::of(&format!("/{path}"));
    }

    #[test]
    fn what_is_told_stands_in_the_path(path in hostile_path()) {
        let path = format!("/{path}");
        let place = Place::of(&path);
        for container in [&place.container, &place.monitor_of, &place.outer].into_iter().flatten() {
            prop_assert!(path.contains(&container.id));
        }
        if let Some(pod) = place.pod {
            prop_assert!(path.contains(&pod.uid) || path.contains(&pod.uid.replace('-', "_")));
        }
    }

    #[test]
    fn a_pods_container_is_never_left(below in hostile_path()) {
        for row in table().iter().filter(|row| row.pod.is_some() && row.container.is_some()) {
            prop_assert_eq!(Place::of(&format!("{}/{}", row.path, below)), Place::of(&row.path));
        }
    }

    #[test]
    fn what_is_in_a_container_never_passes_for_anything_else(below in hostile_path()) {
        for path in ["/docker/<C>", "/system.slice/docker-<C>.scope", "/lxc.payload.c", "/lxc/c"].map(filled_in) {
            let itself = Place::of(&path);
            let place = Place::of(&format!("{path}/{below}"));
            prop_assert!(place == itself || place.outer == itself.container, "{:?}", place);
        }
    }

    #[test]
    fn what_a_user_makes_is_the_users(below in hostile_path()) {
        let place = Place::of(&format!("/user.slice/user-1000.slice/user@1000.service/{below}"));
        prop_assert_eq!(place.unit.as_deref(), Some("user@1000.service"));
        prop_assert_eq!(place.pod, None);
    }

    #[test]
    fn what_a_service_makes_carries_its_name(below in hostile_path()) {
        let place = Place::of(&format!("/system.slice/mine.service/{below}"));
        prop_assert_eq!(place.unit.as_deref(), Some("mine.service"));
    }
}
