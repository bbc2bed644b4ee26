"""Alerts: promtool's checks, their unit tests, their runbooks; and that copies are what they are copied from."""
import re
import unittest

import yaml

from shipped import MANIFESTS, ROOT, Shipped, run

RULES = yaml.safe_load((MANIFESTS / "grafana/rules.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]


class Rules(Shipped):
    def test_promtool_accepts_them(self):
        code, text = run("promtool", "check", "rules", MANIFESTS / "grafana/rules.yaml")
        self.assertEqual(code, 0, text)

    def test_every_alert_fires_when_it_should_and_not_before(self):
        code, text = run("promtool", "test", "rules", "rules_test.yaml", cwd=MANIFESTS / "grafana")
        self.assertEqual(code, 0, text)
        tests = yaml.safe_load((MANIFESTS / "grafana/rules_test.yaml").read_text())["tests"]
        expected = str([sample["labels"] for test in tests for check in test["promql_expr_test"]
                        for sample in check["exp_samples"]])
        for alert in ALERTS:
            self.assertIn(f"alertname='{alert['alert']}'", expected, "an alert without a test")

    def test_every_alert_says_what_it_is_and_where_its_runbook_is(self):
        runbooks = (ROOT / "docs/runbooks.md").read_text()
        table = (ROOT / "docs/alerts.md").read_text()
        sections = re.findall(r"^## (\w+)$", runbooks, re.MULTILINE)
        self.assertEqual(sorted(sections), sorted(alert["alert"] for alert in ALERTS))
        for section in re.split(r"^## ", runbooks, flags=re.MULTILINE)[1:]:
            for word in ("**Means**", "**Look**", "**Do**"):
                self.assertIn(word, section)
        for alert in ALERTS:
            name = alert["alert"]
            self.assertIn(alert["labels"]["severity"], ("critical", "warning"), name)
            self.assertLess(set(), set(alert["annotations"]), name)
            for annotation in ("summary", "description"):
                self.assertGreater(len(alert["annotations"][annotation]), 20, name)
            self.assertEqual(alert["annotations"]["runbook_url"],
                             f"https://ripcord.dev/docs/runbooks#{name.lower()}")
            self.assertIn(f"`{name}`", table)

    def test_the_prometheus_operator_gets_the_same_rules(self):
        made = yaml.safe_load((MANIFESTS / "grafana/prometheusrule.yaml").read_text())
        self.assertEqual(made["spec"], RULES)

    def test_copies_are_what_they_are_copied_from(self):
        code, text = run(MANIFESTS / "generate", "--check")
        self.assertEqual(code, 0, text)
        crds = {p.name: p.read_bytes() for p in (ROOT / "crds").glob("*.yaml")}
        self.assertGreaterEqual(len(crds), 4)
        self.assertEqual(crds, {p.name: p.read_bytes() for p in (ROOT / "helm/ripcord/crds").iterdir()})


if __name__ == "__main__":
    unittest.main()
