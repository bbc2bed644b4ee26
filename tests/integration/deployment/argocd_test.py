"""Argo CD: the health check over its examples, for each of the four kinds, by Lua 5.1; and the ConfigMap made of it."""
import json
import tempfile
import unittest

import yaml

from shipped import KINDS, MANIFESTS, ROOT, Shipped, output

CUSTOMIZATION = MANIFESTS / "argocd/resource_customizations/ripcord.dev/_"
RUNNER = ROOT / "tests/integration/deployment/health.lua"


def lua(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{json.dumps(k)}] = {lua(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(lua(v) for v in value) + "}"
    return json.dumps(value)


def health(obj, check=CUSTOMIZATION / "health.lua"):
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write("return " + lua(obj))
        file.flush()
        status, message = output("lua5.1", RUNNER, check, file.name).rstrip("\n").split("\n", 1)
        return {"status": status, "message": message}


class ArgoCd(Shipped):
    def test_each_example_has_the_health_that_it_should_have(self):
        tests = yaml.safe_load((CUSTOMIZATION / "health_test.yaml").read_text())["tests"]
        self.assertEqual(sorted(t["inputPath"] for t in tests),
                         sorted(f"testdata/{p.name}" for p in (CUSTOMIZATION / "testdata").iterdir()))
        for test in tests:
            obj = yaml.safe_load((CUSTOMIZATION / test["inputPath"]).read_text())
            for kind in KINDS:
                with self.subTest(test["inputPath"], kind=kind):
                    obj["kind"] = kind
                    self.assertEqual(health(obj), test["healthStatus"])

    def test_a_status_that_is_missing_altogether_is_progressing(self):
        obj = {"kind": "FeatureFlag", "metadata": {"generation": 1}, "spec": {}}
        self.assertEqual(health(obj)["status"], "Progressing")

    def test_the_config_map_holds_the_same_check_for_every_kind(self):
        data = yaml.safe_load((MANIFESTS / "argocd/argocd-cm.yaml").read_text())["data"]
        for kind in KINDS:
            self.assertEqual(data.pop(f"resource.customizations.health.ripcord.dev_{kind}"),
                             (CUSTOMIZATION / "health.lua").read_text())
            ignored = yaml.safe_load(data.pop(f"resource.customizations.ignoreDifferences.ripcord.dev_{kind}"))
            self.assertEqual(ignored, {"jsonPointers": ["/spec/override", "/spec/approval"]})
        self.assertEqual(data, {})


if __name__ == "__main__":
    unittest.main()
