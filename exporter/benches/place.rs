//! What it costs to read the paths of cgroups: once for each that is born.

use divan::{Bencher, black_box, counter::ItemsCount};
use kernel_exporter::entities::place::Place;

const CGROUPS: usize = 5_000;

fn main() {
    divan::main();
}

/// Pods' containers, Docker's and services in equal parts.
#[divan::bench]
fn read_paths(bencher: Bencher) {
    let uid = "6e91c467_e4c5_11e7_ace3_0a97ed59c75e";
    let paths: Vec<String> = (0..CGROUPS)
        .map(|number| match number % 3 {
            0 => format!(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice/\
                 cri-containerd-{number:064x}.scope"
            ),
            1 => format!("/system.slice/docker-{number:064x}.scope/init.scope"),
            _ => format!("/system.slice/system-worker.slice/worker@{number}.service"),
        })
        .collect();
    bencher.counter(ItemsCount::new(CGROUPS)).bench(|| {
        for path in &paths {
            black_box(Place::of(black_box(path)));
        }
    });
}
