//! Under load the page shows what happens, and who does it.

use std::{thread, time::Duration};

use crate::{browser::open_or_skip, harness::*};

/// Threads per CPU that want to run all the time.
const PER_CPU: usize = 4;

/// A process that makes others wait: threads that run for a moment and then let another one run.
pub(crate) fn noise(name: &str, cgroup: &Cgroup) -> Worker {
    let mut worker = Worker::spawn(
        name,
        cgroup,
        || {},
        |job| {
            thread::scope(|scope| {
                for _ in 0..PER_CPU * cpus().len() {
                    scope.spawn(|| {
                        while job.get(0) == 0 {
                            busy(Duration::from_micros(200));
                            thread::yield_now();
                        }
                    });
                }
            });
        },
    );
    worker.start();
    worker
}

/// Lets it end its work.
pub(crate) fn hush(worker: &mut Worker) {
    worker.set(0, 1);
    worker.finish();
}

/// What the card with this title shows: samples per second in the newest column, and the picture's colors as a text.
fn heatmap(title: &str) -> String {
    format!(
        "const card = [...document.querySelectorAll('#heatmaps .card')]
            .find((card) => card.querySelector('h4').textContent === '{title}');
        if (card === undefined) return undefined;
        const canvas = card.querySelector('canvas');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const newest = [];
        for (let y = 0; y < canvas.height; y += 1) {{
            const at = 4 * ((y + 1) * canvas.width - 1);
            newest.push(data[at + 3] === 0 ? 0 : 1000 - data[at]);
        }}
        return {{
            text: card.querySelector('[role=slider]').getAttribute('aria-valuetext'),
            painted: data.filter((_, at) => at % 4 === 3 && data[at] > 0).length,
            newest,
        }};"
    )
}

#[test]
fn a_heatmap_changes_and_the_noisy_one_is_named() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let browser = open_or_skip!(exporter);
    let has_cards = "document.querySelectorAll('#heatmaps canvas').length >= 3 \
                     && document.querySelectorAll('#counters svg').length >= 3";
    browser.until(has_cards, Duration::from_secs(20));
    let script = heatmap("Run queue latency");
    let before = browser.run(&script);
    assert!(before["painted"].as_u64().is_some_and(|painted| painted > 0), "{before}");

    let cgroup = Cgroup::make("page");
    let mut noise = noise("page-noise", &cgroup);
    let row = "[...document.querySelectorAll('.board tbody tr')]\
               .find((row) => row.querySelector('.name').textContent === 'page-noise')";
    let took = browser.until(row, Duration::from_secs(15));
    println!("named after {took:?}");
    let place = format!("{row} === {row}.parentElement.firstElementChild");
    browser.until(&place, Duration::from_secs(30));
    let waiting = browser.run(&format!("return Number({row}.cells[1].textContent)"));
    assert!(waiting.as_f64().is_some_and(|threads| threads > 0.5), "{waiting}");
    let container = format!(
        "[...document.querySelectorAll('.board')][0].textContent.includes('{}')",
        cgroup.path.rsplit('/').next().expect("a name")
    );
    browser.until(&container, Duration::from_secs(15));

    let after = browser.run(&script);
    hush(&mut noise);
    assert_ne!(before["newest"], after["newest"], "the newest column is another one");
    assert!(after["painted"].as_u64() > before["painted"].as_u64(), "{before} {after}");
    let per_second = |shown: &serde_json::Value| {
        let text = shown["text"].as_str().expect("text");
        let (_, rate) = text.split_once(": ").expect(text);
        let number: String = rate.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        number.parse::<f64>().expect(text) * if rate.contains("k/s") { 1000.0 } else { 1.0 }
    };
    let (before, after) = (per_second(&before), per_second(&after));
    assert!(after > before + 1000.0, "{before} samples a second, then {after}");
    assert_eq!(browser.complaints(), [""; 0]);
}
