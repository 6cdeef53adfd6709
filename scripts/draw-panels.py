#!/usr/bin/env python3
"""Draw panels of a dashboard from what a Prometheus has, for docs/images. Grafana draws them nicer.

    draw-panels.py PROMETHEUS_URL DASHBOARD.json OUT.png SECONDS VARIABLE=VALUE... -- PANEL_TITLE...

Needs matplotlib. `KERNEL_EXPORTER_DASHBOARDS_STAY=300 cargo test --test dashboards -- --nocapture every_panel` leaves a
Prometheus with data running and says where it is.
"""
import json
import re
import sys
import time
import urllib.parse
import urllib.request

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

split = sys.argv.index("--")
prometheus, dashboard, out, seconds = sys.argv[1:5]
variables = dict(pair.split("=", 1) for pair in sys.argv[5:split])
titles = sys.argv[split + 1 :]
end, step = time.time(), 2
with open(dashboard) as file:
    panels = {panel["title"]: panel for panel in json.load(file)["panels"]}


def ask(query):
    for name, value in variables.items():
        query = query.replace("${%s:raw}" % name, value).replace("$" + name, value)
    parameters = {"query": query, "start": end - float(seconds), "end": end, "step": step}
    url = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)["data"]["result"]


def written(value, unit):
    """A value with its unit, as short as axes want it."""
    if value == 0:
        return "0"
    scale = [(1, " s"), (1e-3, " ms"), (1e-6, " µs"), (1e-9, " ns")] if unit == "s" else \
        [(1e9, " G"), (1e6, " M"), (1e3, " k"), (1, ""), (1e-3, " m")]
    factor, suffix = next((entry for entry in scale if abs(value) >= entry[0] * 0.999), scale[-1])
    return f"{value / factor:.3g}{suffix}"


def heatmap(axes, result, unit):
    """Of a native histogram, or of classic buckets, which are cumulative."""
    cells = {}
    for series in result:
        for at, histogram in series.get("histograms", []):
            for _, _, upper, count in histogram.get("buckets", []):
                cells[(float(upper), at)] = float(count)
    if not cells:
        buckets = sorted((float(s["metric"]["le"]), dict(s["values"])) for s in result)
        for (_, below), (upper, values) in zip([(0, {})] + buckets, buckets):
            for at, count in values.items():
                cells[(upper, at)] = float(count) - float(below.get(at, 0))
    uppers, times = (sorted({key[n] for key in cells}) for n in (0, 1))
    grid = np.array([[cells.get((upper, at), 0) for at in times] for upper in uppers])
    axes.pcolormesh([at - end for at in times], range(len(uppers)), np.sqrt(grid), cmap="Oranges", shading="nearest")
    shown = range(0, len(uppers), max(1, len(uppers) // 8))
    axes.set_yticks(list(shown), [written(uppers[n], unit) for n in shown])


def lines(axes, panel, result_of):
    drawn = []
    for target in panel["targets"]:
        for series in result_of(target):
            legend = re.sub(r"{{(\w+)}}", lambda m: series["metric"].get(m[1], ""), target["legendFormat"])
            drawn.append((" ".join(legend.split()), [(at - end, float(value)) for at, value in series["values"]]))
    times = sorted({at for _, points in drawn for at, _ in points})
    if panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking"):
        values = [[dict(points).get(at, 0) for at in times] for _, points in drawn]
        axes.stackplot(times, values, labels=[legend for legend, _ in drawn], alpha=0.6)
    else:
        for legend, points in drawn:
            axes.plot(*zip(*points), label=legend)
        axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, loc="upper left")
    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes.yaxis.set_major_formatter(lambda value, _: written(value, unit))


figure, grid = plt.subplots((len(titles) + 1) // 2, 2, figsize=(12, 3.2 * ((len(titles) + 1) // 2)), squeeze=False)
for axes, title in zip(grid.flat, titles):
    panel = panels[title]
    axes.set_title(title, fontsize=10)
    if panel["type"] == "heatmap":
        heatmap(axes, ask(panel["targets"][0]["expr"]), panel["fieldConfig"]["defaults"]["unit"])
    else:
        lines(axes, panel, lambda target: ask(target["expr"]))
    axes.set_xlabel("seconds", fontsize=7)
    axes.tick_params(labelsize=7)
plt.tight_layout()
plt.savefig(out, dpi=80)
