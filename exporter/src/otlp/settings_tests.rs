use super::*;
use crate::config::Config;

fn with(variables: &[(&str, &str)]) -> Settings {
    with_config(&Otlp::default(), variables)
}

fn with_config(config: &Otlp, variables: &[(&str, &str)]) -> Settings {
    Settings::new(config, |name| {
        variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
    })
}

/// From the config file.
fn file(otlp: &str) -> Otlp {
    Config::from_yaml("config.yaml", format!("otlp: {otlp}").as_bytes()).expect(otlp).otlp
}

fn url(variables: &[(&str, &str)]) -> Option<String> {
    with(variables).destinations.first().map(|destination| destination.url.to_string())
}

fn headers(headers: &Headers) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

#[test]
fn nobody_is_pushed_to_unless_somebody_says_so() {
    let nothing = with(&[]);
    assert_eq!(nothing.destinations, []);
    assert_eq!(nothing.interval, Duration::from_secs(60));
    let empty = ["ENDPOINT", "METRICS_ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT", "INSECURE"]
        .map(|name| format!("OTEL_EXPORTER_OTLP_{name}"));
    let empty: Vec<_> = empty.iter().map(|name| (name.as_str(), " ")).collect();
    assert_eq!(with(&empty), nothing, "empty is none");
    assert_eq!(
        url(&[("OTEL_METRICS_EXPORTER", "console, OTLP")]).as_deref(),
        Some("http://localhost:4318/v1/metrics")
    );
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC");
    assert_eq!(url(&[("OTEL_METRICS_EXPORTER", "otlp"), grpc]).as_deref(), Some("http://localhost:4317/"));
}

/// Setting by setting: the file, or else the environment, or else the default.
#[test]
fn the_file_wins_one_setting_at_a_time() {
    let config = file(
        "{temporality: cumulative, endpoints: [{url: 'http://a:1', timeout: 3s}, {url: 'http://b:1', \
         protocol: grpc, headers: {}, compression: gzip, tls: {cert_file: /c, key_file: /k}}]}",
    );
    let found = with_config(
        &config,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other:1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=x"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "7000"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/env-c"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/env-k"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "EXPLICIT_bucket_histogram"),
        ],
    );
    assert_eq!(found.warnings, [""; 0]);
    assert_eq!(found.temporality, Temporality::Cumulative);
    assert_eq!((found.interval, found.histograms), (Duration::from_secs(5), HistogramForm::Explicit));
    let [a, b] = &found.destinations[..] else { panic!("{found:?}") };
    assert_eq!(
        (a.url.to_string(), b.url.to_string()),
        ("http://a:1/v1/metrics".into(), "http://b:1/".into())
    );
    assert_eq!((a.timeout, b.timeout), (Duration::from_secs(3), Duration::from_secs(7)));
    assert_eq!((a.compression, b.compression), (Compression::None, Compression::Gzip));
    assert_eq!(headers(&a.headers), [("authorization", b"x".as_slice())]);
    assert_eq!(headers(&b.headers), []);
    assert_eq!([&a.tls.ca_file, &a.tls.cert_file, &a.tls.key_file], ["/ca", "/env-c", "/env-k"]);
    assert_eq!([&b.tls.ca_file, &b.tls.cert_file, &b.tls.key_file], ["/ca", "/c", "/k"]);
    let alone = with_config(&file("{interval: 2s, endpoints: [url: 'http://a:1/x']}"), &[]);
    assert_eq!(alone.interval, Duration::from_secs(2));
    assert_eq!(alone.destinations[0].url.to_string(), "http://a:1/x");
    assert_eq!(alone.destinations[0].compression, Compression::Gzip);
}

#[test]
fn two_names_of_one_receiver_are_one() {
    let config =
        file("{endpoints: [{url: 'http://a:1'}, {url: 'http://b'}, {url: 'http://a:1/v1/metrics'}]}");
    let found = with_config(&config, &[]);
    assert_eq!(found.destinations.len(), 2);
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
}

#[test]
fn the_url_for_all_signals_gets_a_path() {
    let generic = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/base/");
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    assert_eq!(url(&[generic]).as_deref(), Some("http://a:4318/base/v1/metrics"));
    let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://b:1/x");
    assert_eq!(url(&[generic, own]).as_deref(), Some("http://b:1/x"));
    let root = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://b:1");
    assert_eq!(url(&[generic, root]).as_deref(), Some("http://b:1/"), "as it is");
    assert_eq!(url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"), grpc]).as_deref(), Some("https://c:4317/"));
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    let named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317");
    assert_eq!(url(&[named, grpc, insecure]).as_deref(), Some("http://c:4317/"));
    let secure = ("OTEL_EXPORTER_OTLP_METRICS_INSECURE", "yes");
    assert_eq!(
        url(&[named, grpc, insecure, secure]).as_deref(),
        Some("https://c:4317/"),
        "not true is false"
    );
    let https = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:4317");
    assert_eq!(url(&[https, grpc, insecure]).as_deref(), Some("https://c:4317/"), "the scheme wins");
}

#[test]
fn metrics_have_their_own_variables_which_win() {
    let found = with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, team=blue"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "60000"),
    ]);
    assert_eq!(found.warnings, [""; 0]);
    assert_eq!(found.interval, Duration::from_secs(60));
    assert_eq!(found.temporality, Temporality::Delta);
    assert_eq!(found.histograms, HistogramForm::Explicit);
    let endpoint = &found.destinations[0];
    assert_eq!(endpoint.timeout, Duration::from_millis(2_500));
    assert_eq!(endpoint.compression, Compression::None);
    assert_eq!(
        [&endpoint.tls.ca_file, &endpoint.tls.cert_file, &endpoint.tls.key_file],
        ["/ca", "/cert", "/key"]
    );
    assert_eq!(headers(&endpoint.headers), [("authorization", b"Bearer x".as_slice()), ("team", b"blue")]);
}

#[test]
fn nothing_is_pushed_when_that_is_disabled() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
    assert_eq!(url(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]), None);
    assert_eq!(url(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]), None);
    assert_eq!(url(&[endpoint, ("OTEL_SDK_DISABLED", "1")]).as_deref(), Some("http://a/v1/metrics"));
    let config = file("{endpoints: [url: 'http://a']}");
    let disabled = with_config(&config, &[("OTEL_SDK_DISABLED", "true")]);
    assert_eq!((disabled.destinations.len(), disabled.warnings.len()), (0, 1));
    assert_eq!(with_config(&config, &[("OTEL_METRICS_EXPORTER", "none")]).destinations.len(), 1);
}

#[test]
fn invalid_values_are_warned_about_and_ignored() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "content-type=secret"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/secret"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "a:secret@b"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "increments"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "summary"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "999"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "4294967296"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "-1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%4"),
        ("OTEL_SDK_DISABLED", "yes"),
    ] {
        let found = with(&[endpoint, (name, value)]);
        assert_eq!(found.warnings.len(), 1, "{name}={value}: {:?}", found.warnings);
        assert!(!found.warnings[0].contains("secret"), "{:?}", found.warnings);
        let without = with(&[endpoint]);
        assert_eq!(Settings { warnings: Vec::new(), ..found }, without, "{name}");
    }
}

#[test]
fn who_we_are_is_taken_from_the_environment_in_any_case() {
    let found = with(&[
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,k8s.cluster.name=prod%2Ceu,team=blue"),
        ("OTEL_SERVICE_NAME", "b"),
    ]);
    let pairs: Vec<_> = found.resource.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        pairs,
        [("service.name", "a"), ("k8s.cluster.name", "prod,eu"), ("team", "blue"), ("service.name", "b")]
    );
}

#[test]
fn values_are_read_as_the_specification_has_them() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
    let first = |variables: &[(&str, &str)]| {
        let found = with(&[&[endpoint], variables].concat());
        assert_eq!(found.warnings, [""; 0]);
        found.destinations[0].clone()
    };
    let timeout = |of_request, of_export| {
        let variables =
            [("OTEL_EXPORTER_OTLP_TIMEOUT", of_request), ("OTEL_METRIC_EXPORT_TIMEOUT", of_export)];
        first(&variables).timeout.as_millis()
    };
    assert_eq!([timeout("", ""), timeout("20000", ""), timeout("", "5000")], [10_000, 20_000, 5_000]);
    assert_eq!(timeout("20000", "5000"), 5_000, "the shorter one");
    assert_eq!(timeout("0", ""), 3_600_000, "no limit, as good as");
    // The name is a token, in which % has no meaning.
    let found = first(&[("OTEL_EXPORTER_OTLP_HEADERS", " a%20 = b%2Cc ,, d==")]);
    assert_eq!(headers(&found.headers), [("a%20", b"b,c".as_slice()), ("d", b"=")]);
    for (text, temporality) in [
        ("CUMULATIVE", Temporality::Cumulative),
        ("delta", Temporality::Delta),
        ("LowMemory", Temporality::LowMemory),
    ] {
        let found = with(&[("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", text)]);
        assert_eq!(found.temporality, temporality, "{text}");
    }
}
