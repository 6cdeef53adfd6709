//! Any bytes as a web configuration: they are accepted, or refused in one line.

#![no_main]

use kernel_exporter::web_config::WebConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match WebConfig::from_yaml("web.yaml", bytes) {
        Ok(config) => {
            let again = WebConfig::from_yaml("web.yaml", bytes);
            assert!(again.is_ok_and(|again| again == config), "another time it is something else");
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("web.yaml:"), "{message:?}");
            assert!(!message.contains(char::is_control), "{message:?}");
        }
    }
});
