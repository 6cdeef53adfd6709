//! Under load the page shows what happens, and who does it.

use std::{thread, time::Duration};

use serde_json::Value;

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

/// What the card with this title shows: its newest column in words and, from top to bottom, in how strong colors; and the
/// places of its ticks, as parts of its height.
fn heatmap(title: &str) -> String {
    format!(
        "const card = [...document.querySelectorAll('#heatmaps .card')]
            .find((card) => card.querySelector('h4').textContent === '{title}');
        const canvas = card.querySelector('canvas');
        const copy = document.createElement('canvas');
        copy.height = canvas.height;
        const context = copy.getContext('2d', {{ willReadFrequently: true }});
        context.drawImage(canvas, 1 - canvas.width, 0);
        const {{ data }} = context.getImageData(0, 0, 1, canvas.height);
        return {{
            text: card.querySelector('[role=slider]').getAttribute('aria-valuetext'),
            newest: Array.from({{ length: canvas.height }}, (_, y) => data[4 * y + 3] === 0 ? 0 : 256 - data[4 * y]),
            ticks: [...card.querySelectorAll('.ticks span')]
                .map((tick) => [tick.textContent, parseFloat(tick.style.top) / 100]),
        }};"
    )
}

/// What the strongest color of the newest column stands for, in seconds, by the ticks beside it.
fn brightest(shown: &Value) -> f64 {
    let newest: Vec<u64> =
        shown["newest"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
    let strongest = *newest.iter().max().expect("a column");
    let rows: Vec<_> = (0..newest.len()).filter(|y| newest[*y] == strongest).collect();
    let at = (rows[0] + rows[rows.len() - 1] + 1) as f64 / 2.0 / newest.len() as f64;
    let ticks = shown["ticks"].as_array().expect("a list").iter().map(|tick| {
        let (number, unit) = tick[0].as_str().and_then(|label| label.split_once(' ')).expect("a label");
        let unit = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)]
            .into_iter()
            .find(|(name, _)| *name == unit);
        let seconds = number.parse::<f64>().expect(number) * unit.expect("a unit of time").1;
        (seconds.ln(), tick[1].as_f64().expect("a place"))
    });
    let ticks: Vec<_> = ticks.collect();
    let [(low, below), .., (high, above)] = ticks[..] else { panic!("{shown} has two ticks") };
    (low + (high - low) * (below - at) / (below - above)).exp()
}

#[test]
fn a_heatmap_changes_and_the_noisy_one_is_named() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let browser = open_or_skip!(exporter);
    let has_cards = "document.querySelectorAll('#heatmaps canvas').length >= 3 \
                     && document.querySelectorAll('#counters svg').length >= 3";
    browser.until(has_cards, Duration::from_secs(20));
    let script = heatmap("On CPU duration");
    let before = browser.run(&script);

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
    // Every thread runs for 200 µs, or a few times that where it is let go on.
    let slice = brightest(&after);
    println!("most slices took {slice} s, after {} s", brightest(&before));
    assert!((100e-6..1e-3).contains(&slice), "{slice} s: {after}");
    let text = after["text"].as_str().expect("text");
    assert!(text.contains("k/s, median "), "thousands of slices a second: {text}");
    assert_eq!(browser.complaints(), [""; 0]);
}
