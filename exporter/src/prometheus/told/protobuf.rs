//! What is told, as delimited messages of `metrics.proto` in `prometheus/client_model`, without making them first.

use ::prometheus::proto::MetricType;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::Told;

/// Numbers of the messages' fields.
mod field {
    pub(super) mod family {
        pub(crate) const NAME: u32 = 1;
        pub(crate) const HELP: u32 = 2;
        pub(crate) const TYPE: u32 = 3;
        pub(crate) const METRIC: u32 = 4;
    }
    pub(super) mod metric {
        pub(crate) const LABEL: u32 = 1;
        pub(crate) const GAUGE: u32 = 2;
        pub(crate) const COUNTER: u32 = 3;
    }
    pub(super) mod label {
        pub(crate) const NAME: u32 = 1;
        pub(crate) const VALUE: u32 = 2;
    }
    /// Of counters and gauges.
    pub(super) const VALUE: u32 = 1;
}

/// Writes families, and keeps the room that it takes: a message begins with its length, so it is made apart.
#[derive(Default)]
pub(in crate::prometheus) struct ToldWriter {
    family: Vec<u8>,
    metric: Vec<u8>,
    part: Vec<u8>,
}

impl ToldWriter {
    /// Appends a family to a body of delimited messages.
    pub(in crate::prometheus) fn write(&mut self, told: &Told<'_>, body: &mut Vec<u8>) {
        let Self { family, metric, part } = self;
        family.clear();
        push(field::family::NAME, told.name.as_bytes(), family);
        push(field::family::HELP, told.help.as_bytes(), family);
        encode_key(field::family::TYPE, WireType::Varint, family);
        encode_varint(told.kind as u64, family);
        let kind =
            if told.kind == MetricType::COUNTER { field::metric::COUNTER } else { field::metric::GAUGE };
        for (labels, value) in &told.series {
            metric.clear();
            for (name, value) in labels {
                part.clear();
                push(field::label::NAME, name.as_bytes(), part);
                push(field::label::VALUE, value.as_bytes(), part);
                push(field::metric::LABEL, part, metric);
            }
            part.clear();
            encode_key(field::VALUE, WireType::SixtyFourBit, part);
            part.extend(value.to_le_bytes());
            push(kind, part, metric);
            push(field::family::METRIC, metric, family);
        }
        encode_varint(family.len() as u64, body);
        body.extend_from_slice(family);
    }
}

/// Appends a field that is text or a message.
fn push(number: u32, bytes: &[u8], to: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, to);
    encode_varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use ::prometheus::{Encoder as _, ProtobufEncoder, proto::MetricFamily};

    use super::*;

    fn told(kind: MetricType) -> Told<'static> {
        let labels = vec![("a", "one".into()), ("b", "\u{1f980} \"\n".into())];
        let series = vec![(labels, 1.5), (Vec::new(), f64::INFINITY), (vec![("a", "".into())], 0.0)];
        Told { name: "kernel_exporter_told".to_owned(), help: "What it means", kind, series }
    }

    #[test]
    fn it_is_what_the_messages_encode_to() {
        let mut writer = ToldWriter::default();
        for kind in [MetricType::COUNTER, MetricType::GAUGE] {
            let (mut written, mut encoded) = (Vec::new(), Vec::new());
            writer.write(&told(kind), &mut written);
            ProtobufEncoder::new()
                .encode(&[MetricFamily::from(told(kind))], &mut encoded)
                .expect("it has a name");
            assert_eq!(written, encoded);
        }
    }
}
