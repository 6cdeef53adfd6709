use super::*;

fn with(variables: &[(&str, &str)]) -> Settings {
    with_config(&Otlp::default(), variables)
}

fn with_config(config: &Otlp, variables: &[(&str, &str)]) -> Settings {
    settings(config, |name| {
        variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
    })
}

fn url(variables: &[(&str, &str)]) -> Option<String> {
    with(variables).otlp.endpoints.first().map(|endpoint| endpoint.url.to_string())
}

#[test]
fn without_variables_the_config_holds() {
    assert_eq!(with(&[]), Settings::default());
    assert_eq!(with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Settings::default(), "empty is none");
    let named = Otlp {
        endpoints: vec![Endpoint { url: "http://a:1".parse().expect("a URL"), ..Endpoint::default() }],
        ..Otlp::default()
    };
    let found = with_config(
        &named,
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b"), ("OTEL_METRIC_EXPORT_INTERVAL", "5000")],
    );
    assert_eq!(found.otlp, named, "the file wins");
}

#[test]
fn the_url_for_all_signals_gets_a_path() {
    let generic = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/base/");
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    assert_eq!(url(&[generic]).as_deref(), Some("http://a:4318/base/v1/metrics"));
    let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://b:1/x");
    assert_eq!(url(&[generic, own]).as_deref(), Some("http://b:1/x"));
    assert_eq!(url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"), grpc]).as_deref(), Some("https://c:4317/"));
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    let named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317");
    assert_eq!(url(&[named, grpc, insecure]).as_deref(), Some("http://c:4317/"));
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
    assert_eq!(found.otlp.interval, Duration::from_secs(60));
    assert_eq!(found.otlp.temporality, Temporality::Delta);
    assert_eq!(found.otlp.histograms, HistogramForm::Explicit);
    let endpoint = &found.otlp.endpoints[0];
    assert_eq!(endpoint.timeout, Duration::from_millis(2_500));
    assert_eq!(endpoint.compression, Compression::None);
    assert_eq!(
        [&endpoint.tls.ca_file, &endpoint.tls.cert_file, &endpoint.tls.key_file],
        ["/ca", "/cert", "/key"]
    );
    let headers: Vec<_> =
        endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(headers, [("authorization", b"Bearer x".as_slice()), ("team", b"blue")]);
}

#[test]
fn nothing_is_pushed_when_that_is_disabled() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
    assert_eq!(url(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]), None);
    assert_eq!(url(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]), None);
    assert_eq!(url(&[endpoint, ("OTEL_SDK_DISABLED", "1")]).as_deref(), Some("http://a/v1/metrics"));
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
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "lowmemory"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "summary"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "-1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%4"),
        ("OTEL_SDK_DISABLED", "yes"),
    ] {
        let found = with(&[endpoint, (name, value)]);
        assert_eq!(found.warnings.len(), 1, "{name}={value}: {:?}", found.warnings);
        assert!(!found.warnings[0].contains("secret"), "{:?}", found.warnings);
        assert_eq!(found.otlp, with(&[endpoint]).otlp, "{name}");
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
