//! What strangers call themselves, the keyboard, and an exporter that goes away.

use std::time::Duration;

use crate::{
    browser::open_or_skip,
    harness::*,
    load::{hush, noise},
};

const RIGHT: char = '\u{E014}';
const LEFT: char = '\u{E012}';
const HOME: char = '\u{E011}';
const ESCAPE: char = '\u{E00C}';

#[test]
fn hostile_names_are_text() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let browser = open_or_skip!(exporter);
    let cgroup = Cgroup::make("page");
    for (name, shown) in
        [("<img src=x>", "<img src=x>"), ("\u{202e}</b>\u{1b}[1m", "\\\\u{202e}</b>\\\\u{1b}[1m")]
    {
        let mut noise = noise(name, &cgroup);
        let is_named = format!(
            "[...document.querySelectorAll('.board tbody .name')].some((name) => name.textContent === '{shown}')"
        );
        browser.until(&is_named, Duration::from_secs(30));
        hush(&mut noise);
    }
    assert_eq!(browser.run("return document.querySelectorAll('main img, main b').length"), 0);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn moments_are_read_by_keyboard() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let browser = open_or_skip!(exporter);
    browser.until("document.querySelector('[role=slider][aria-valuemax=\"2\"]')", Duration::from_secs(30));
    browser.run("document.querySelector('[role=slider]').focus()");
    let now = || {
        let script = "const slider = document.activeElement; return [slider.getAttribute('aria-valuenow'), \
                      slider.closest('.card').querySelector('.readout').textContent]";
        let read = browser.run(script);
        let text = |place: usize| read[place].as_str().expect("text").to_owned();
        (text(0).parse::<u64>().expect("a number"), text(1))
    };
    let (newest, first) = now();
    assert!(first.contains("/s, median "), "the newest moment is read: {first}");
    browser.press(LEFT);
    let (earlier, text) = now();
    assert!(earlier < newest && text != first, "{earlier} and {newest}: {text}");
    browser.press(RIGHT);
    assert_eq!(now(), (newest, first), "a moment stays what it is while others come");
    browser.press(HOME);
    assert_eq!(now().0, 0);
    browser.press(ESCAPE);
    assert!(now().0 >= newest);
    // By the keyboard alone: the first stop is the way past the head of the page.
    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)");
    assert_eq!(browser.run("return document.querySelector('a').getAttribute('href')"), "#main");
}

#[test]
fn it_says_when_there_is_no_answer_and_goes_on_when_there_is() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start("");
    let browser = open_or_skip!(exporter);
    browser.until("document.getElementById('state').textContent.startsWith('Live')", Duration::from_secs(30));
    assert!(exporter.reload("live: {enabled: false}\n"));
    let off = "document.getElementById('state').textContent.includes('live.enabled')";
    browser.until(off, Duration::from_secs(15));
    assert_eq!(exporter.scrape().sum("kernel_exporter_live_history_limit_bytes", &[]), 0);
    assert!(exporter.reload("live: {memory: 2MiB}\n"));
    browser.until("document.getElementById('state').textContent.startsWith('Live')", Duration::from_secs(30));
    assert_eq!(exporter.scrape().sum("kernel_exporter_live_history_limit_bytes", &[]), 2 << 20);
}
