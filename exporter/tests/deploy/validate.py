"""Judges objects of Kubernetes: {"objects": [...], "versions": [...], "monitoring": SCHEMA} on standard input; mistakes,
each with the object and the version, on standard output."""
import json
import sys

import jsonschema
import kubernetes_validate

case = json.load(sys.stdin)
monitoring = jsonschema.Draft202012Validator(case["monitoring"])
schemas = case["monitoring"]["$defs"]
mistakes = []
for thing in case["objects"]:
    name = f"{thing['kind']}/{thing['metadata']['name']}"
    if thing["apiVersion"] == "monitoring.coreos.com/v1":
        judge = monitoring.evolve(schema={"$ref": "#/$defs/" + thing["kind"], "$defs": schemas})
        mistakes += [f"{name}: {'/'.join(map(str, e.path))}: {e.message}" for e in judge.iter_errors(thing)]
        continue
    for version in case["versions"]:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            mistakes.append(f"{name} in Kubernetes {version}: {'/'.join(map(str, error.path))}: {error.message}")
print(json.dumps(mistakes))
