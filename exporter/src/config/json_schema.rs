//! The JSON schema of the config, which editors complete and check by.
//!
//! It is made of the types themselves: keys and descriptions are fields and their doc comments, ranges are those
//! that are read by ([`with`](super::with)), defaults are [`Config::default`]. So a new key is in the schema
//! as soon as it is in the config. A schema knows less than the loader: `exporter/tests/schema.rs` lists what.

use schemars::{
    Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform as _},
};
use serde_json::{Value, json};

use super::Config;

/// The schema as JSON, of draft 7, which every editor knows.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    RecursiveTransform(sections_may_be_empty).transform(&mut schema);
    RecursiveTransform(descriptions_name_ranges).transform(&mut schema);
    schema.insert("title".to_owned(), json!("The config of kernel-exporter"));
    schema.to_value()
}

/// A section whose keys are all commented out is nothing, to YAML. With a key that must be there it is a mistake.
fn sections_may_be_empty(schema: &mut Schema) {
    if schema.get("properties").is_some() {
        // It would say again what their keys say.
        schema.remove("default");
    }
    if schema.get("type") == Some(&json!("object")) && schema.get("required").is_none() {
        schema.insert("type".to_owned(), json!(["object", "null"]));
    }
}

/// Not every editor shows the range of a number, and none that of a duration.
fn descriptions_name_ranges(schema: &mut Schema) {
    let ends = |[min, max]: [&str; 2]| Some((shown(schema.get(min)?), shown(schema.get(max)?)));
    let range = ends(["minimum", "maximum"]).or_else(|| ends(["x-minimum", "x-maximum"]));
    if let (Some((min, max)), Some(description)) =
        (range, schema.get("description").and_then(Value::as_str).map(str::to_owned))
    {
        schema.insert("description".to_owned(), json!(format!("{description} From {min} to {max}.")));
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
