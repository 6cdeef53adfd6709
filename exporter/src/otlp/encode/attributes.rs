//! Labels as attributes.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

use crate::{
    catalogue::{Fold, Key, keys},
    snapshot::Labels,
};

/// Labels as attributes, by the names of OpenTelemetry.
pub(super) fn of(labels: &Labels) -> impl Iterator<Item = KeyValue> {
    labels.iter().map(|label| {
        // By semantic conventions a process id is a number. The value that stands for all the rest is none.
        match label.value.parse() {
            Ok(pid) if label.key == &keys::PID => attribute(label.key.otlp, Value::IntValue(pid)),
            _ => text(label.key.otlp, &label.value),
        }
    })
}

/// An attribute whose value is text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

/// What says which container it was, and the rest. The first is empty for what was in none.
pub(super) fn divided(labels: &Labels) -> (Labels, Labels) {
    let part = |of_container: bool| {
        let labels = labels.iter().filter(|label| is_of_container(label.key) == of_container);
        Labels::new(labels.map(|label| (label.key, &*label.value)))
    };
    (part(true), part(false))
}

/// Whether a label says which container or pod it was, or more about that pod.
fn is_of_container(key: &Key) -> bool {
    match key.fold {
        Fold::Cgroup => key != &keys::UNIT,
        Fold::Goes => true,
        Fold::Stays | Fold::As(_) => false,
    }
}
