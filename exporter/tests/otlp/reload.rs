//! From one config to the next, while pushes go on.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use kernel_exporter::{
    config::{Config, Protocol},
    health::Health,
    otlp::Pushers,
    server::Hub,
};
use tokio::runtime::Runtime;

use super::{receiver::Shared, service::Service, world::World};

fn config(endpoints: &str) -> Config {
    let yaml = format!("otlp: {{interval: 1s, temporality: delta, endpoints: [{endpoints}]}}");
    Config::from_yaml("config.yaml", yaml.as_bytes()).expect(&yaml)
}

/// One endpoint's settings change, another one goes, and a certificate cannot be read: deltas still add up.
#[test]
fn what_was_told_is_not_told_again() {
    let (kept, gone) = (Arc::new(Shared::default()), Arc::new(Shared::default()));
    let services = [&kept, &gone].map(|shared| Service::start(Protocol::Http, 0, shared, None));
    let [a, b] = services.each_ref().map(|service| format!("http://{}", service.address));
    let world = World::new(7);
    let health = Health::new().expect("names are distinct");
    let (read, on) = (world.clone(), world.clone());
    let hub = Arc::new(Hub::new(move || read.read(), Duration::ZERO, health.reads().clone()));
    let farewells = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&farewells);
    let runtime = Runtime::new().expect("a runtime");
    let inside = runtime.enter();
    let on_delivered = Box::new(move |to: &str, snapshot: &_| on.delivered(to, snapshot));
    let on_gone = Box::new(move |who: &str| noted.lock().expect("no panics").push(who.to_owned()));
    let both = config(&format!("{{url: '{a}'}}, {{url: '{b}'}}"));
    let mut pushers =
        Pushers::start(&both, &hub, None, health.own(), on_delivered, on_gone).expect("no files");
    for shared in [&kept, &gone] {
        shared.wait_for("a push", |record| !record.totals().is_empty());
    }
    pushers.apply(&config(&format!("{{url: '{a}', tls: {{ca_file: /none}}}}"))).expect_err("no such file");
    assert!(farewells.lock().expect("no panics").is_empty(), "all stays as it was");
    pushers.apply(&config(&format!("{{url: '{a}', headers: {{x: y}}}}"))).expect("no files");
    let begun = Instant::now();
    while farewells.lock().expect("no panics").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody took leave");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(*farewells.lock().expect("no panics"), [format!("{b}/v1/metrics")]);
    let texts = || format!("{:?}", health.registry().gather());
    let begun = Instant::now();
    while texts().contains(&b) {
        assert!(begun.elapsed() < Duration::from_secs(10), "its metrics stay");
        thread::sleep(Duration::from_millis(5));
    }
    kept.wait_for("the new header", |record| record.headers.get("x").is_some_and(|value| value == "y"));
    let truth = world.settle();
    runtime.block_on(pushers.end());
    drop(inside);
    assert_eq!(kept.lock().totals(), truth);
}
