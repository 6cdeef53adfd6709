"""Helm's own engine: {"chart": FOLDER, "cases": [VALUES, ...]} on standard input; on standard output what `helm lint`
says, the chart's values and schema, and for each case either what it is rendered to, by template, or why it is not."""
import json
import sys

import helm_python as helm

case = json.load(sys.stdin)
rendered = []
with helm.Chart.load(case["chart"]) as chart:
    for values in case["cases"]:
        try:
            chart.validate_schema(values)
            rendered.append({"rendered": chart.render(values, name="demo", namespace="metrics")})
        except helm.HelmError as error:
            rendered.append({"refused": str(error)})
    answer = {"values": chart.values, "schema": chart.schema, "cases": rendered}
answer["lint"] = helm.lint(case["chart"], strict=True, namespace="metrics", kube_version="v1.32.0")
print(json.dumps(answer))
