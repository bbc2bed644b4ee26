"""What the deployment tests share: where things are, running a tool, reading YAML, and skipping where a tool is missing."""
import os
import pathlib
import subprocess
import sys
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
MANIFESTS = ROOT / "manifests"
CHART = ROOT / "helm/ripcord"
KINDS = ["FeatureFlag", "TrafficTarget", "MigrationVersion", "RestoreRequest"]


def run(*argv, stdin=None, cwd=None):
    """(exit code, output and errors together)."""
    done = subprocess.run([str(a) for a in argv], input=stdin, cwd=cwd, text=True, timeout=240,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def output(*argv, stdin=None):
    done = subprocess.run([str(a) for a in argv], input=stdin, text=True, timeout=240, capture_output=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout


def documents(text):
    return [d for d in yaml.safe_load_all(text) if d is not None]


def tool(builder, name):
    """The tool that tests/<builder>/build made; ends the suite as skipped where it was not built."""
    found = subprocess.run([ROOT / "tests" / builder / "build", "--find"], text=True, capture_output=True)
    if found.returncode == 0:
        return pathlib.Path(found.stdout.strip()) / name
    if os.environ.get("RIPCORD_REQUIRE_CONTROL_PLANE") == "1":
        sys.exit(f"RIPCORD_REQUIRE_CONTROL_PLANE=1, but {found.stderr}")
    print(f"Skipped, because it needs {name}: {found.stderr}")
    sys.exit(77)


def kubectl():
    """The tests' own, else one of the machine: `kubectl kustomize` needs no server."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        return pathlib.Path(assets) / "kubectl"
    if subprocess.run(["sh", "-c", "command -v kubectl"], capture_output=True).returncode == 0:
        return "kubectl"
    return tool("controlplane", "kubectl")


def by_key(objects):
    """(kind, namespace, name) -> object."""
    return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}


def pod_specs(objects):
    for o in objects:
        if o["kind"] == "Deployment":
            yield o["metadata"]["name"], o["spec"]["template"]["spec"]
        elif o["kind"] == "Pod":
            yield o["metadata"]["name"], o["spec"]


class Shipped(unittest.TestCase):
    maxDiff = None

    def assert_restricted(self, name, pod):
        """The pod security standard `restricted`, and a root that cannot be written."""
        self.assertTrue(pod["securityContext"]["runAsNonRoot"], name)
        self.assertGreater(pod["securityContext"]["runAsUser"], 0, name)
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"}, name)
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            self.assertFalse(pod.get(field, False), name)
        for volume in pod.get("volumes", []):
            self.assertNotIn("hostPath", volume, name)
        for container in pod["containers"]:
            context = container["securityContext"]
            self.assertIs(context["allowPrivilegeEscalation"], False, name)
            self.assertFalse(context.get("privileged", False), name)
            self.assertIs(context["readOnlyRootFilesystem"], True, name)
            self.assertEqual(context["capabilities"], {"drop": ["ALL"]}, name)
            self.assertIn("memory", container["resources"]["limits"], name)
            self.assertIn("cpu", container["resources"]["requests"], name)

    def assert_least_privilege(self, objects):
        """No wildcard, no Secret without a name, and Secrets in Roles only."""
        for o in objects:
            for rule in o.get("rules") or []:
                if o["kind"] not in ("Role", "ClusterRole"):
                    continue
                where = f"{o['kind']} {o['metadata']['name']}"
                for field in ("apiGroups", "resources", "verbs"):
                    self.assertNotIn("*", rule[field], where)
                self.assertFalse({"escalate", "bind", "impersonate"} & set(rule["verbs"]), where)
                if "secrets" in rule["resources"]:
                    self.assertEqual(o["kind"], "Role", where)
                    self.assertTrue(rule.get("resourceNames"), where)
