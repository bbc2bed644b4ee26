"""The chart, by helm itself: lint, its values, its variants, and that it installs what manifests/install does."""
import json
import pathlib
import shutil
import tempfile
import unittest

import yaml

from shipped import CHART, MANIFESTS, Shipped, by_key, documents, kubectl, output, pod_specs, run, tool

HELM = tool("helm", "helm")
EVERYTHING = {
    "replicas": 3, "image": {"repository": "registry.example/ripcord", "digest": "sha256:" + "a" * 64},
    "imagePullSecrets": [{"name": "registry"}], "log": {"format": "text", "level": "debug"}, "resync": "1m",
    "extraArgs": ["--data=/data"], "env": [{"name": "SHOP_DATABASE_URL", "value": "postgresql://shop@db/shop"}],
    "extraVolumes": [{"name": "backups", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "backups", "mountPath": "/backups"}],
    "serviceAccount": {"annotations": {"example.com/role": "ripcord"}},
    "rbac": {"drivers": {"kubernetesService": ["shop"], "httpRoute": ["shop"], "configMapSink": ["shop"]},
             "references": [{"namespace": "shop", "secrets": ["shop-database"], "configMaps": ["shop-migrations"]}]},
    "service": {"annotations": {"a": "b"}}, "podAnnotations": {"a": "b"}, "podLabels": {"team": "shop"},
    "priorityClassName": "system-cluster-critical", "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}}, "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}],
    "podDisruptionBudget": {"minAvailable": "50%"},
    "networkPolicy": {"extraEgress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "alerts": {"enabled": True, "runbookUrl": "https://wiki.example/runbooks"}, "dashboard": {"enabled": True},
}
REFUSED = [
    ({"replicas": 0}, "replicas"), ({"replicaCount": 2}, "replicaCount"), ({"image": {"tga": "1"}}, "tga"),
    ({"log": {"format": "xml"}}, "format"), ({"resync": "30"}, "resync"), ({"watchNamespace": "Shop"}, "watchNamespace"),
    ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
    ({"rbac": {"references": [{"namespace": "shop", "secrets": []}]}}, "references"),
    ({"rbac": {"drivers": {"secrets": ["shop"]}}}, "secrets"),
]


def template(values=None, name="ripcord", namespace="ripcord-system", *more):
    code, text = run(HELM, "template", name, CHART, "--namespace", namespace, "--values", "-", *more,
                     stdin=json.dumps(values or {}))
    return code, text


class Helm(Shipped):
    def rendered(self, *args):
        code, text = template(*args)
        self.assertEqual(code, 0, text)
        return documents(text)

    def test_lint_finds_nothing(self):
        for values in ({}, EVERYTHING):
            code, text = run(HELM, "lint", "--strict", CHART, "--values", "-", stdin=json.dumps(values))
            self.assertEqual(code, 0, text)
            self.assertNotIn("[WARNING]", text)

    def test_installs_what_the_manifests_install(self):
        chart = [o for o in self.rendered({}, "ripcord", "ripcord-system", "--include-crds")
                 if "helm.sh/hook" not in o["metadata"].get("annotations", {})]
        shipped = [o for o in documents(output(kubectl(), "kustomize", MANIFESTS / "install")) if o["kind"] != "Namespace"]
        for o in chart + shipped:
            labels = o["metadata"].setdefault("labels", {})
            for label in ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version",
                          "app.kubernetes.io/instance", "app.kubernetes.io/part-of"):
                labels.pop(label, None)
        self.assertEqual(sorted(by_key(chart)), sorted(by_key(shipped)))
        for key, o in by_key(shipped).items():
            with self.subTest(key):
                self.assertEqual(by_key(chart)[key], o)

    def test_every_variant_is_restricted_and_least_privileged(self):
        for values in ({}, EVERYTHING, {"watchNamespace": "shop"}):
            objects = self.rendered(values)
            self.assert_least_privilege(objects)
            self.assertEqual(len(list(pod_specs(objects))), 2)
            for name, pod in pod_specs(objects):
                self.assert_restricted(name, pod)

    def test_the_service_selects_the_deployment_and_not_the_pod_of_the_test(self):
        objects = self.rendered({})
        selector = next(o for o in objects if o["kind"] == "Service")["spec"]["selector"].items()
        deployment = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]
        self.assertLessEqual(selector, deployment["metadata"]["labels"].items())
        tester = next(o for o in objects if o["kind"] == "Pod")
        self.assertFalse(selector <= tester["metadata"]["labels"].items())

    def test_one_replica_can_be_drained(self):
        self.assertNotIn("PodDisruptionBudget", [o["kind"] for o in self.rendered({"replicas": 1})])

    def test_binds_drivers_in_the_namespaces_that_are_named_and_nowhere_else(self):
        bindings = [key for key in by_key(self.rendered({})) if key[0] == "RoleBinding"]
        self.assertEqual(bindings, [("RoleBinding", "ripcord-system", "ripcord-leader")])
        objects = by_key(self.rendered(EVERYTHING))
        for driver in ("kubernetes-service", "http-route", "config-map-sink"):
            self.assertIn(("RoleBinding", "shop", f"ripcord-driver-{driver}"), objects)
        names = [rule["resourceNames"] for rule in objects[("Role", "shop", "ripcord-references")]["rules"]]
        self.assertEqual(names, [["shop-database"], ["shop-migrations"]])

    def test_watching_one_namespace_binds_in_that_one(self):
        objects = by_key(self.rendered({"watchNamespace": "shop"}))
        self.assertIn(("RoleBinding", "shop", "ripcord-controller"), objects)
        self.assertEqual([key[2] for key in objects if key[0] == "ClusterRoleBinding"], ["ripcord-crds"])

    def test_two_releases_collide_in_nothing(self):
        first, second = (by_key(self.rendered({}, name, "tools")) for name in ("one", "two"))
        self.assertEqual(set(first) & set(second), set())

    def test_can_leave_out_what_somebody_else_makes(self):
        objects = self.rendered({"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "mine"},
                                 "networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False}})
        self.assertEqual(sorted(o["kind"] for o in objects), ["Deployment", "Pod", "Service"])
        self.assertEqual(next(pod_specs(o for o in objects if o["kind"] == "Deployment"))[1]["serviceAccountName"], "mine")

    def test_alerts_keep_their_templates_and_get_the_runbooks_of_the_user(self):
        rule = next(o for o in self.rendered(EVERYTHING) if o["kind"] == "PrometheusRule")
        shipped = (MANIFESTS / "grafana/rules.yaml").read_text().replace(
            "https://ripcord.dev/docs/runbooks", "https://wiki.example/runbooks")
        self.assertEqual(rule["spec"], yaml.safe_load(shipped))

    def test_the_dashboard_arrives_whole(self):
        config = next(o for o in self.rendered(EVERYTHING) if o["kind"] == "ConfigMap")
        self.assertEqual(json.loads(config["data"]["ripcord.json"]),
                         json.loads((MANIFESTS / "grafana/dashboard.json").read_text()))

    def test_refuses_wrong_values_and_names_them(self):
        for values, name in REFUSED:
            with self.subTest(values):
                code, text = template(values)
                self.assertNotEqual(code, 0)
                self.assertIn(name, text)

    def test_every_value_is_described_and_in_the_schema(self):
        schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
        text = (CHART / "values.yaml").read_text()
        values = yaml.safe_load(text)
        self.assertEqual(set(values), set(schema) - {"global"})
        for paragraph in text.split("\n\n"):
            self.assertIn("#", paragraph, "values without a word about them")

    def test_notes_name_what_can_be_asked(self):
        # helm renders notes only when it installs: here as a template that is included.
        with tempfile.TemporaryDirectory() as folder:
            chart = shutil.copytree(CHART, pathlib.Path(folder) / "ripcord")
            text = (chart / "templates/NOTES.txt").read_text()
            (chart / "templates/NOTES.txt").unlink()
            (chart / "templates/_notes.tpl").write_text('{{ define "notes" }}' + text + "{{ end }}")
            (chart / "templates/notes.yaml").write_text('notes: {{ include "notes" . | toJson }}')
            shown = output(HELM, "template", "ripcord", chart, "-n", "ripcord-system", "-s", "templates/notes.yaml")
        notes = yaml.safe_load(shown)["notes"]
        self.assertIn("ripcord.ripcord-system.svc:8016", notes)
        self.assertIn("No driver has rights", notes)


if __name__ == "__main__":
    unittest.main()
