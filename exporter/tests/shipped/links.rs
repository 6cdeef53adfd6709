//! Every link in a document leads to something: a file of the project, and in a document the heading that is named.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::tools::root_folder;

/// Folders of what is built or fetched.
const NOT_OURS: [&str; 4] = ["target", "exporter-ebpf/target", ".cache", ".git"];

/// What of a document matters here.
struct Document {
    /// Where its links and images lead, as they are written.
    links: Vec<String>,
    /// Its headings, as they are linked to.
    anchors: BTreeSet<String>,
}

impl Document {
    fn of(text: &str) -> Self {
        let mut document = Self { links: Vec::new(), anchors: BTreeSet::new() };
        let mut seen = BTreeMap::new();
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let count = seen.entry(anchor.clone()).or_insert(0);
                    let more = if *count == 0 { String::new() } else { format!("-{count}") };
                    *count += 1;
                    document.anchors.insert(anchor + &more);
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        document
    }
}

/// As GitHub calls a heading: small letters, dashes for spaces, and nothing else but letters, digits and underscores.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// All documents, by their path from the project's folder.
fn documents() -> BTreeMap<PathBuf, Document> {
    let root = root_folder();
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("its type").is_dir() {
                if !NOT_OURS.iter().any(|folder| path == Path::new(folder)) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(root.join(&path)).expect("text");
                found.insert(path, Document::of(&text));
            }
        }
    }
    found
}

/// The path from the project's folder to which a link in `document` leads; `None` when it leads out of it.
fn target(document: &Path, link: &str) -> Option<PathBuf> {
    let mut target = PathBuf::new();
    let folder = document.parent().into_iter().flat_map(Path::components);
    for component in folder.chain(Path::new(link).components()) {
        match component {
            Component::Normal(name) => target.push(name),
            Component::CurDir => {}
            Component::ParentDir if target.pop() => {}
            _ => return None,
        }
    }
    Some(target)
}

/// Why a link leads nowhere.
fn fault(documents: &BTreeMap<PathBuf, Document>, document: &Path, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { Some(document.to_owned()) } else { target(document, path) };
    let Some(target) = target else { return Some("it leads out of the project".to_owned()) };
    if !root_folder().join(&target).exists() {
        return Some(format!("there is no {}", target.display()));
    }
    let anchor = anchor?;
    match documents.get(&target) {
        Some(other) if other.anchors.contains(anchor) => None,
        _ => Some(format!("{} has no heading `{anchor}`", target.display())),
    }
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() > 20, "{:?}", documents.keys());
    let mut faults = Vec::new();
    for (path, document) in &documents {
        let own = document.links.iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:"));
        for link in own {
            faults.extend(
                fault(&documents, path, link).map(|why| format!("{}: {link}: {why}", path.display())),
            );
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Whoever looks for a document finds it in the index; runbooks have one of their own.
#[test]
fn the_index_names_every_document() {
    let documents = documents();
    let index = Path::new("docs/README.md");
    let linked: BTreeSet<_> =
        documents[index].links.iter().filter_map(|link| target(index, link.split('#').next()?)).collect();
    let forgotten = documents.keys().filter(|path| {
        let is_runbook = path.starts_with("docs/runbooks") && !path.ends_with("README.md");
        path.starts_with("docs") && !is_runbook && path != &index && !linked.contains(*path)
    });
    assert_eq!(forgotten.collect::<Vec<_>>(), [index; 0]);
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let text = "# One `two`: three\n\n## Again\n\n## Again\n\n[a](#one-two-three) [b](../README.md#none)";
    let document = Document::of(text);
    assert_eq!(document.links, ["#one-two-three", "../README.md#none"]);
    let path = PathBuf::from("docs/page.md");
    let documents = BTreeMap::from([(path.clone(), document)]);
    assert!(fault(&documents, &path, "../README.md").is_none());
    for (link, expected) in [
        ("../README.md#none", "README.md has no heading `none`"),
        ("none.md", "there is no docs/none.md"),
        ("../../etc/passwd", "it leads out of the project"),
        ("/etc/passwd", "it leads out of the project"),
    ] {
        assert_eq!(fault(&documents, &path, link).as_deref(), Some(expected));
    }
    let here = BTreeMap::from([(PathBuf::from("README.md"), Document::of(text))]);
    for anchor in ["one-two-three", "again", "again-1"] {
        assert!(fault(&here, Path::new("README.md"), &format!("#{anchor}")).is_none(), "{anchor}");
    }
    assert!(fault(&here, Path::new("README.md"), "#again-2").is_some());
}
