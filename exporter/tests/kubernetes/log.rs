//! One line when things change, none while they stay as they are.

use std::{cell::RefCell, io, sync::Once};

use kernel_exporter::entities::kubernetes::Reason;

use crate::{samples::small, setting::Setting};

thread_local! {
    /// What was logged on this thread: a test and all its tasks are on one.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// For all tests, before any of them logs: `tracing` remembers for each message whether anybody wants it, and a
/// subscriber of one test's own comes too late for that when others run beside it.
pub(crate) fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_writer(|| Lines).without_time().with_ansi(false).init();
    });
}

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines() -> Vec<String> {
    let bytes = LINES.with_borrow(Clone::clone);
    String::from_utf8(bytes).expect("text").lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn trouble_and_its_end_are_said_once() {
    let setting = Setting::new();
    setting.cluster.apply(&small(1));
    setting.cluster.allow(false);
    let known = setting.watch("");
    known.until("forbidden thrice", |_| known.errors(Reason::Forbidden) == 3).await;
    setting.cluster.allow(true);
    known.synced().await;
    setting.cluster.end_watches();
    known.until("a new watch", |pods| pods.status().restarts == 1).await;
    known.until("it stands", |_| setting.cluster.watches() == 1).await;

    let lines = lines();
    let [trouble, end] = &*lines else { panic!("{lines:#?}") };
    assert!(trouble.trim_start().starts_with("WARN") && trouble.contains("reason=forbidden"), "{trouble}");
    assert!(trouble.contains("the service account needs list and watch on pods"), "{trouble}");
    assert!(end.trim_start().starts_with("INFO") && end.contains("pods are known again"), "{end}");
    assert!(end.contains("was=forbidden") && end.contains("pods=1"), "{end}");
}
