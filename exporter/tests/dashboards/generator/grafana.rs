//! What a dashboard is for Grafana (schema version 39), as far as these dashboards need it.

use serde_json::{Value, json};

use super::{names::own, query::EXPORTERS};

/// Carried by every dashboard, so that they link to each other.
const TAG: &str = "kernel-exporter";

/// Columns of a dashboard.
const COLUMNS: u32 = 24;

/// A dashboard.
pub(crate) struct Dashboard {
    /// In its URL, and its file's name.
    pub(crate) uid: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    /// Besides data source, job, instance and the form of histograms.
    pub(crate) variables: Vec<Variable>,
    pub(crate) rows: Vec<Row>,
}

/// A variable with several values, from a label.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// `label_values(…)`
    pub(crate) query: String,
    /// The regular expression for all of them.
    pub(crate) all: &'static str,
}

/// Panels below a heading.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
}

/// How a panel looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Lines,
    /// Lines on top of each other.
    Stack,
    Number,
    Heatmap,
    /// The values of now, largest first; the text is the heading of the values.
    Table(&'static str),
}

/// A panel.
pub(crate) struct Panel {
    title: &'static str,
    description: String,
    look: Look,
    unit: &'static str,
    width: u32,
    /// Query and legend.
    targets: Vec<(String, &'static str)>,
    link: Option<(&'static str, &'static str)>,
}

impl Panel {
    pub(crate) fn new(
        look: Look,
        title: &'static str,
        unit: &'static str,
        description: impl Into<String>,
    ) -> Self {
        let width = match look {
            Look::Number => 4,
            _ => 12,
        };
        let description = description.into();
        Self { title, description, look, unit, width, targets: Vec::new(), link: None }
    }

    /// Adds a query, with the legend of its series.
    pub(crate) fn query(mut self, query: impl Into<String>, legend: &'static str) -> Self {
        self.targets.push((query.into(), legend));
        self
    }

    /// Adds the median, the 99th and the 99.9th percentile, which `quantile` makes.
    pub(crate) fn quantiles(self, quantile: impl Fn(f64) -> String) -> Self {
        self.query(quantile(0.5), "p50").query(quantile(0.99), "p99").query(quantile(0.999), "p99.9")
    }

    /// In columns, of 24.
    pub(crate) fn width(mut self, width: u32) -> Self {
        self.width = width;
        self
    }

    /// Where a click leads, with a title.
    pub(crate) fn link(mut self, title: &'static str, url: &'static str) -> Self {
        self.link = Some((title, url));
        self
    }

    fn height(&self) -> u32 {
        if self.look == Look::Number { 4 } else { 8 }
    }

    fn json(&self, id: u32, x: u32, y: u32) -> Value {
        let mut panel = json!({
            "id": id,
            "type": self.kind(),
            "title": self.title,
            "description": self.description,
            "datasource": datasource(),
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height()},
            "fieldConfig": {"defaults": self.defaults(), "overrides": []},
            "options": self.options(),
            "targets": self.targets(),
        });
        if let Look::Table(heading) = self.look {
            let hidden = json!({"Time": true, "job": true, "le": true});
            panel["transformations"] = json!([
                {"id": "organize", "options": {"excludeByName": hidden, "renameByName": {"Value": heading}}},
                {"id": "sortBy", "options": {"sort": [{"field": heading, "desc": true}]}},
            ]);
        }
        panel
    }

    fn kind(&self) -> &'static str {
        match self.look {
            Look::Lines | Look::Stack => "timeseries",
            Look::Number => "stat",
            Look::Heatmap => "heatmap",
            Look::Table(_) => "table",
        }
    }

    fn defaults(&self) -> Value {
        let mut defaults = json!({"unit": self.unit});
        match self.look {
            Look::Lines => {
                defaults["custom"] = json!({"drawStyle": "line", "fillOpacity": 0, "showPoints": "never"})
            }
            Look::Stack => {
                defaults["custom"] = json!({
                    "drawStyle": "line", "fillOpacity": 40, "showPoints": "never",
                    "stacking": {"mode": "normal", "group": "A"},
                });
            }
            Look::Heatmap => defaults["custom"] = json!({"scaleDistribution": {"type": "linear"}}),
            Look::Number | Look::Table(_) => {}
        }
        if self.look != Look::Stack && self.look != Look::Heatmap {
            defaults["min"] = json!(0);
        }
        if let Some((title, url)) = self.link {
            defaults["links"] = json!([{"title": title, "url": url}]);
        }
        defaults
    }

    fn options(&self) -> Value {
        match self.look {
            Look::Lines | Look::Stack => json!({
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
            Look::Number => json!({
                "colorMode": "none", "graphMode": "area",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Look::Heatmap => json!({
                "calculate": false,
                "cellGap": 0,
                "cellValues": {"unit": "cps"},
                "color": {"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "steps": 64},
                "rowsFrame": {"layout": "auto"},
                "tooltip": {"mode": "single", "yHistogram": true},
                "yAxis": {"unit": self.unit, "axisPlacement": "left"},
            }),
            Look::Table(_) => json!({"cellHeight": "sm", "showHeader": true}),
        }
    }

    fn targets(&self) -> Vec<Value> {
        let (format, instant) = match self.look {
            Look::Lines | Look::Stack => ("time_series", false),
            Look::Number => ("time_series", false),
            Look::Heatmap => ("heatmap", false),
            Look::Table(_) => ("table", true),
        };
        let letters = ('A'..='Z').map(String::from);
        self.targets
            .iter()
            .zip(letters)
            .map(|((query, legend), letter)| {
                json!({
                    "refId": letter, "datasource": datasource(), "expr": query, "legendFormat": legend,
                    "format": format, "instant": instant, "range": !instant, "editorMode": "code",
                })
            })
            .collect()
    }
}

impl Dashboard {
    /// The dashboard as Grafana imports it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "editable": false,
            "graphTooltip": 1,
            "refresh": "30s",
            "schemaVersion": 39,
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "links": [{
                "type": "dashboards", "title": "kernel-exporter", "tags": [TAG], "asDropdown": true,
                "includeVars": true, "keepTime": true, "targetBlank": false,
            }],
            "templating": {"list": self.variables()},
            "panels": self.panels(),
        })
    }

    fn variables(&self) -> Vec<Value> {
        let job = Variable {
            name: "job",
            label: "Job",
            query: format!("label_values({}, job)", own::BUILD_INFO),
            all: ".+",
        };
        let instance = Variable {
            name: "instance",
            label: "Instance",
            query: format!("label_values({}{{job=~\"$job\"}}, instance)", own::BUILD_INFO),
            all: ".+",
        };
        let mut variables = vec![
            json!({
                "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
                "refresh": 1, "current": {},
            }),
            custom("histograms", "Histograms", &[("native", "()"), ("classic", "_bucket")]),
        ];
        variables.extend([job, instance].iter().chain(&self.variables).map(Variable::json));
        if self
            .rows
            .iter()
            .flat_map(|row| &row.panels)
            .any(|panel| panel.targets.iter().any(|(query, _)| query.contains("$top")))
        {
            variables.push(custom("top", "Top", &[("10", "10"), ("20", "20"), ("50", "50")]));
        }
        variables
    }

    fn panels(&self) -> Vec<Value> {
        let (mut panels, mut y) = (Vec::new(), 0);
        for row in &self.rows {
            let id = panels.len() as u32 + 1;
            panels.push(json!({
                "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            }));
            let (mut x, mut height) = (0, 0);
            y += 1;
            for panel in &row.panels {
                if x + panel.width > COLUMNS {
                    (x, y, height) = (0, y + height, 0);
                }
                panels.push(panel.json(panels.len() as u32 + 1, x, y));
                x += panel.width;
                height = height.max(panel.height());
            }
            y += height;
        }
        panels
    }
}

impl Variable {
    /// Values of a label that a metric has, among the chosen exporters and what the variables before chose.
    pub(crate) fn of_label(
        name: &'static str,
        label: &'static str,
        metric: String,
        before: &str,
        key: &str,
    ) -> Self {
        let query = format!("label_values({metric}{{{EXPORTERS}{before}}}, {key})");
        Self { name, label, query, all: ".+" }
    }

    /// Series without the label are among all of them.
    pub(crate) fn or_none(mut self) -> Self {
        self.all = ".*";
        self
    }

    fn json(&self) -> Value {
        json!({
            "type": "query", "name": self.name, "label": self.label, "datasource": datasource(),
            "definition": self.query, "query": {"query": self.query, "refId": "StandardVariableQuery"},
            "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": self.all,
            "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        })
    }
}

/// A variable with a value out of few, the first at first.
fn custom(name: &str, label: &str, values: &[(&str, &str)]) -> Value {
    let query: Vec<String> = values
        .iter()
        .map(|(text, value)| if text == value { (*text).to_owned() } else { format!("{text} : {value}") })
        .collect();
    let option = |n: usize| json!({"text": values[n].0, "value": values[n].1, "selected": n == 0});
    json!({
        "type": "custom", "name": name, "label": label, "query": query.join(","), "multi": false,
        "includeAll": false, "current": option(0), "options": (0..values.len()).map(option).collect::<Vec<_>>(),
    })
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}
