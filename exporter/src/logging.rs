//! What the exporter says about itself: messages on standard error, as text or as JSON.
//!
//! A message is a sentence in lower case without a final full stop; what varies goes into fields, so that
//! messages can be grouped: `warn!(collector = "block_io", %error, "collector is off")`. Text that others
//! choose (command names, paths) is recorded with `?`, which escapes control characters; `%` does not.

use std::io::{self, IsTerminal as _};

use tracing::{Subscriber, subscriber::SetGlobalDefaultError};
use tracing_subscriber::{
    Layer as _, Registry, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _, reload,
};

use crate::config::{Log, LogFilter, LogFormat};

/// Changes what is written.
#[derive(Debug)]
pub struct Logging(reload::Handle<Targets, Registry>);

impl Logging {
    /// Writes these messages from now on.
    pub fn set_level(&self, level: &LogFilter) {
        // It fails when nobody listens to messages any more.
        let _ = self.0.reload(level.targets().clone());
    }
}

/// Sends the messages of the whole process to standard error, in colour only on a terminal and unless
/// `NO_COLOR` is set.
///
/// # Errors
///
/// When it was called before.
pub fn init(log: &Log) -> Result<Logging, SetGlobalDefaultError> {
    let colour_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = io::stderr().is_terminal() && !colour_refused;
    let (subscriber, logging) = subscriber(log, colour, io::stderr);
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(logging)
}

fn subscriber<W>(log: &Log, colour: bool, writer: W) -> (impl Subscriber + Send + Sync + use<W>, Logging)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(writer);
    let layer = match log.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let (filter, handle) = reload::Layer::new(log.level.targets().clone());
    (tracing_subscriber::registry().with(layer.with_filter(filter)), Logging(handle))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn text(&self) -> String {
            let bytes = self.0.lock().expect("no test panics while writing").clone();
            String::from_utf8(bytes).expect("messages are text")
        }
    }

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics while writing").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(log: &Log) -> String {
        let written = Written::default();
        let writer = written.clone();
        let (subscriber, _) = subscriber(log, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, say);
        written.text()
    }

    fn say() {
        tracing::info!(address = "[::1]:9985", "serving metrics");
        tracing::debug!("reading maps");
    }

    #[test]
    fn text_is_one_plain_line_per_message() {
        let text = written(&Log::default());
        let (time, rest) = text.split_once(' ').expect("a message begins with the time");
        assert!(time.ends_with('Z'), "{text}");
        assert_eq!(
            rest.trim_start(),
            "INFO kernel_exporter::logging::tests: serving metrics address=\"[::1]:9985\"\n"
        );
    }

    #[test]
    fn json_has_fields_beside_the_message() {
        let text = written(&Log { format: LogFormat::Json, ..Log::default() });
        let mut line: serde_json::Value = serde_json::from_str(&text).expect("one object");
        let time = line.as_object_mut().and_then(|object| object.remove("timestamp"));
        assert!(time.is_some_and(|time| time.as_str().is_some_and(|time| time.ends_with('Z'))), "{text}");
        assert_eq!(
            line,
            serde_json::json!({
                "level": "INFO",
                "target": "kernel_exporter::logging::tests",
                "message": "serving metrics",
                "address": "[::1]:9985",
            })
        );
    }

    #[test]
    fn the_level_can_change() {
        let written = Written::default();
        let writer = written.clone();
        let (subscriber, logging) = subscriber(&Log::default(), false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            for (level, lines) in [("debug", 2), ("off", 2), ("info", 3)] {
                logging.set_level(&level.parse().expect("it is a filter"));
                say();
                assert_eq!(written.text().lines().count(), lines, "{level}");
            }
        });
    }

    #[test]
    fn level_decides_what_is_written() {
        let log = |level: &str| Log { level: level.parse().expect("it is a filter"), ..Log::default() };
        assert_eq!(written(&log("debug")).lines().count(), 2);
        assert_eq!(written(&log("warn")), "");
        assert_eq!(written(&log("off,kernel_exporter::logging=info")).lines().count(), 1);
    }
}
