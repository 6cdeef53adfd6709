//! Accessibility, as far as rules can judge it: axe-core's, all of them, in light and dark, on a phone and on a desk.

use std::{fs, path::Path, time::Duration};

use crate::{browser::open_or_skip, harness::*};

#[test]
fn axe_finds_nothing() {
    let Some(_turn) = turn() else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/axe/axe.min.js");
    let Ok(axe) = fs::read_to_string(file) else {
        println!("SKIPPED: no .cache/axe/axe.min.js; scripts/setup.sh test fetches it");
        return;
    };
    let exporter = Exporter::start("");
    let browser = open_or_skip!(exporter);
    let is_full = "document.querySelectorAll('#heatmaps canvas').length >= 3 \
                   && document.querySelectorAll('.board tbody tr').length >= 2 \
                   && document.querySelectorAll('#counters svg').length >= 3";
    browser.until(is_full, Duration::from_secs(30));
    browser.run(&format!("{axe}; window.axe = axe"));
    // A heatmap that is read, and one that is explained.
    browser.run("document.querySelector('summary').click(); document.querySelector('[role=slider]').focus()");
    for (theme, width) in [("light", 1280), ("dark", 1280), ("dark", 390), ("light", 390)] {
        browser.prefer(theme);
        browser.size(width, 900);
        let found = browser.run(
            "return axe.run(document).then(({ violations, passes }) => ({
                passes: passes.length,
                found: violations.map(({ id, help, nodes }) =>
                    `${id}: ${help}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(', ')}`),
            }))",
        );
        assert_eq!(found["found"], serde_json::json!([]), "{theme}, {width} pixels");
        assert!(found["passes"].as_u64().is_some_and(|passes| passes > 20), "{found}");
        let overflow =
            browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(overflow, 0, "nothing is cut off at {width} pixels");
    }
}
