"""The installation and its overlays, rendered by `kubectl kustomize`."""
import unittest

from shipped import MANIFESTS, Shipped, by_key, documents, kubectl, output, pod_specs

KUBECTL = kubectl()
OVERLAYS = sorted(p.name for p in (MANIFESTS / "overlays").iterdir())


def rendered(folder):
    return documents(output(KUBECTL, "kustomize", MANIFESTS / folder))


class Kustomize(Shipped):
    def test_installs_everything_and_nothing_else(self):
        kinds = sorted(o["kind"] for o in rendered("install"))
        self.assertEqual(kinds, sorted(
            ["Namespace", "ServiceAccount", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "Role",
             "RoleBinding"] + ["ClusterRoleBinding"] * 2 + ["CustomResourceDefinition"] * 4 + ["ClusterRole"] * 7 +
            ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]))

    def test_runs_two_replicas_that_give_way_one_by_one(self):
        objects = by_key(rendered("install"))
        deployment = objects[("Deployment", "ripcord-system", "ripcord")]["spec"]
        self.assertEqual(deployment["replicas"], 2)
        self.assertEqual(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0)
        self.assertEqual(objects[("PodDisruptionBudget", "ripcord-system", "ripcord")]["spec"]["minAvailable"], 1)
        namespace = objects[("Namespace", "", "ripcord-system")]
        self.assertEqual(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted")

    def test_every_selector_selects_the_pods(self):
        objects = by_key(rendered("install"))
        labels = objects[("Deployment", "ripcord-system", "ripcord")]["spec"]["template"]["metadata"]["labels"]
        selectors = [objects[("Service", "ripcord-system", "ripcord")]["spec"]["selector"]]
        for kind, field in (("Deployment", "selector"), ("PodDisruptionBudget", "selector"),
                            ("NetworkPolicy", "podSelector")):
            selectors.append(objects[(kind, "ripcord-system", "ripcord")]["spec"][field]["matchLabels"])
        for selector in selectors:
            self.assertLessEqual(selector.items(), labels.items())

    def test_every_rendering_is_restricted_and_least_privileged(self):
        for folder in ["install"] + [f"overlays/{o}" for o in OVERLAYS]:
            with self.subTest(folder):
                objects = rendered(folder)
                self.assert_least_privilege(objects)
                for name, pod in pod_specs(objects):
                    self.assert_restricted(name, pod)

    def test_every_binding_binds_a_role_that_is_there(self):
        base = rendered("install")
        for folder in ["install"] + [f"overlays/{o}" for o in OVERLAYS]:
            objects = by_key(base + rendered(folder))
            for (kind, namespace, name), o in objects.items():
                if kind in ("RoleBinding", "ClusterRoleBinding"):
                    role = o["roleRef"]
                    where = namespace if role["kind"] == "Role" else ""
                    self.assertIn((role["kind"], where, role["name"]), objects, f"{folder}: {name}")
                    self.assertEqual(o["subjects"], [{"kind": "ServiceAccount", "name": "ripcord",
                                                      "namespace": "ripcord-system"}])

    def test_one_namespace_may_get_its_crds_and_nothing_else_cluster_wide(self):
        objects = by_key(rendered("overlays/single-namespace"))
        self.assertEqual([key[2] for key in objects if key[0] == "ClusterRoleBinding"], ["ripcord-crds"])
        self.assertIn(("RoleBinding", "shop", "ripcord-controller"), objects)
        arguments = objects[("Deployment", "ripcord-system", "ripcord")]["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertIn("--watch-namespace=shop", arguments)

    def test_databases_mounts_backups_and_urls_read_only(self):
        objects = by_key(rendered("overlays/databases"))
        container = objects[("Deployment", "ripcord-system", "ripcord")]["spec"]["template"]["spec"]["containers"][0]
        mounts = {m["mountPath"]: m.get("readOnly", False) for m in container["volumeMounts"]}
        self.assertEqual(mounts, {"/tmp": False, "/backups": True, "/etc/ripcord/urls": True})

    def test_monitoring_scrapes_the_labels_of_objects_as_they_are(self):
        objects = by_key(rendered("overlays/monitoring"))
        monitor = objects[("ServiceMonitor", "ripcord-system", "ripcord")]["spec"]
        self.assertIs(monitor["endpoints"][0]["honorLabels"], True)
        self.assertIn(("PrometheusRule", "ripcord-system", "ripcord"), objects)
        self.assertIn(("ConfigMap", "ripcord-system", "ripcord-dashboard"), objects)


if __name__ == "__main__":
    unittest.main()
