# SPDX-License-Identifier: Apache-2.0
"""What a program does with the official Python client; prints what it sees, which is client.txt."""
import json

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

GROUP, VERSION, NAMESPACE, PLURAL = "ripcord.dev", "v1alpha1", "scripted", "featureflags"
PLACE = (GROUP, VERSION, NAMESPACE, PLURAL)

api_client = config.new_client_from_config()
api = client.CustomObjectsApi(api_client)


def flag(name, **spec):
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "FeatureFlag",
            "metadata": {"name": name, "labels": {"by": "python"}}, "spec": spec}


def refused(what, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
        print(what, "was taken")
    except ApiException as e:
        print(what, e.status, e.reason)


for n in range(5):
    api.create_namespaced_custom_object(*PLACE, flag(f"py{n}", enabled=True))
refused("create again:", api.create_namespaced_custom_object, *PLACE, flag("py0"))


def create_strictly(body):
    try:
        return api.create_namespaced_custom_object(*PLACE, body, field_validation="Strict")
    except TypeError:  # older clients have no parameter for it
        return api_client.call_api(f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/{PLURAL}", "POST",
                                   query_params=[("fieldValidation", "Strict")], body=body,
                                   header_params={"Content-Type": "application/json"},
                                   auth_settings=["BearerToken"])


refused("unknown field:", create_strictly, flag("bad", enabeld=True))

names, token = [], None
while token != "":
    page = api.list_namespaced_custom_object(*PLACE, limit=2, _continue=token or None,
                                             label_selector="by=python")
    names.append([item["metadata"]["name"] for item in page["items"]])
    token = page["metadata"].get("continue", "")
print("pages:", names)

live = api.get_namespaced_custom_object(*PLACE, "py1")
live["spec"]["enabled"] = False
live = api.replace_namespaced_custom_object(*PLACE, "py1", live)
print("replaced:", live["spec"]["enabled"], live["metadata"]["generation"])
live["metadata"]["resourceVersion"] = "1"
refused("replace an old version:", api.replace_namespaced_custom_object, *PLACE, "py1", live)

patched = api.patch_namespaced_custom_object(
    *PLACE, "py2", {"spec": {"enabled": False}})
print("patched:", patched["spec"]["enabled"])
status = api.patch_namespaced_custom_object_status(
    *PLACE, "py2", {"status": {"variant": "off"}})
print("status:", status["status"]["variant"])

resource = dynamic.DynamicClient(api_client).resources.get(api_version=f"{GROUP}/{VERSION}",
                                                           kind="FeatureFlag")


def apply(name, manager, force=None, **spec):
    how = {"name": name, "namespace": NAMESPACE, "field_manager": manager, "force_conflicts": force}
    try:
        return resource.server_side_apply(body=flag(name, **spec), **how)
    except ApiException as e:
        if e.status != 0:
            raise
        # It was not sent: older clients do not turn an object into this content type themselves.
        return resource.server_side_apply(body=json.dumps(flag(name, **spec)), **how)


print("applied:", apply("py3", "one", force=True, enabled=False).spec.enabled)
refused("apply against it:", apply, "py3", "two", enabled=True)

version = api.list_namespaced_custom_object(*PLACE)["metadata"]["resourceVersion"]
for n in range(5):
    api.delete_namespaced_custom_object(*PLACE, f"py{n}")
seen = []
for event in watch.Watch().stream(api.list_namespaced_custom_object, *PLACE,
                                  resource_version=version, timeout_seconds=20):
    seen.append((event["type"], event["object"]["metadata"]["name"]))
    if len(seen) == 5:
        break
print("watched:", seen)
refused("get a deleted one:", api.get_namespaced_custom_object, *PLACE, "py0")
