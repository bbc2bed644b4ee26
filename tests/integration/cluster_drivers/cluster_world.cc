// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/cluster_drivers/cluster_world.h"

#include "adapters/http/client.h"
#include "controller/codec/cluster_service.h"
#include "controller/codec/http_route.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

using kubernetes::ApiObjects;
using kubernetes::ClusterClient;

std::string must_send(kubernetes::ClusterReach reach, HttpRequest request) {
  request.url = reach.server + request.url;
  const auto response = reach.client.send(request);
  if (!response || response->status > 299) {
    throw std::runtime_error(request.url + ": " +
                             (response ? response->body : response.error().message()));
  }
  return response->body;
}

std::string next_address() {
  static std::atomic<int> counter = 0;
  const int number = ++counter;
  return fmt::format("10.{}.{}.{}", 1 + number / 62'500, number / 250 % 250, 1 + number % 250);
}

}  // namespace

std::unique_ptr<ClusterClient> client_of(const ControlPlane& plane, Clock& clock,
                                         const std::string& token) {
  kubernetes::ClusterAccess access;
  access.server = plane.url();
  access.ca.file = plane.ca_file();
  access.token.text = token;
  return std::make_unique<ClusterClient>(
      std::make_shared<kubernetes::Credentials>(std::move(access), clock, nullptr),
      http::make_http_clients, clock);
}

ClusterWorld::ClusterWorld() : ClusterWorld(fresh_namespace(shared_control_plane(), "drivers")) {}

ClusterWorld::ClusterWorld(std::string ns)
    : plane_(shared_control_plane()),
      ns_(std::move(ns)),
      client_(client_of(plane_, clock_, plane_.token())),
      visitor_(client_of(plane_, clock_, kVisitorToken)) {
  static const bool node = [&] {
    plane_.must_kubectl({"apply", "-f", "-"},
                        "{apiVersion: v1, kind: Node, metadata: {name: node-1}}");
    return true;
  }();
  static_cast<void>(node);
}

std::string ClusterWorld::kubectl(std::vector<std::string> args, const std::string& stdin_text) {
  args.insert(args.end(), {"-n", ns_});
  return plane_.must_kubectl(std::move(args), stdin_text);
}

void ClusterWorld::apply(const std::string& yaml) {
  kubectl({"apply", "-f", "-"}, yaml);
}

void ClusterWorld::grant(const std::string& verb, const std::string& resource) {
  const std::string name = "may-" + verb + "-" + resource;
  kubectl({"create", "role", name, "--verb=" + verb, "--resource=" + resource});
  kubectl({"create", "rolebinding", name, "--role=" + name, std::string("--user=") + kVisitor});
}

void ClusterWorld::pod(const std::string& name, const std::map<std::string, std::string>& labels,
                       bool ready) {
  std::string words;
  for (const auto& [key, value] : labels) {
    words += fmt::format("{}\"{}\":\"{}\"", words.empty() ? "" : ",", key, value);
  }
  const std::string pods = "/api/v1/namespaces/" + ns_ + "/pods";
  const std::string body = fmt::format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}","labels":{{{}}}}},"spec":{{)"
      R"("nodeName":"node-1","automountServiceAccountToken":false,)"
      R"("containers":[{{"name":"shop","image":"shop"}}]}}}})",
      name, words);
  const auto made = eventually([&] {  // the namespace's service account comes a little later
    const auto response = client_->send({.method = "POST",
                                         .url = pods,
                                         .headers = {{"content-type", "application/json"}},
                                         .body = body});
    return response && response->status == 201;
  });
  if (!made) {
    throw std::runtime_error("no pod " + name);
  }
  const std::string address = next_address();
  must_send(reach(), {.method = "PATCH",
                      .url = pods + "/" + name + "/status",
                      .headers = {{"content-type", "application/merge-patch+json"}},
                      .body = fmt::format(R"({{"status":{{"phase":"Running","podIP":"{0}",)"
                                          R"("podIPs":[{{"ip":"{0}"}}]}}}})",
                                          address)});
  set_ready(name, ready);
}

void ClusterWorld::set_ready(const std::string& pod, bool ready) {
  must_send(reach(), {.method = "PATCH",
                      .url = "/api/v1/namespaces/" + ns_ + "/pods/" + pod + "/status",
                      .headers = {{"content-type", "application/merge-patch+json"}},
                      .body = fmt::format(
                          R"({{"status":{{"conditions":[{{"type":"Ready","status":"{}"}}]}}}})",
                          ready ? "True" : "False")});
}

void ClusterWorld::await_ready(const std::string& service, std::size_t count) {
  const ApiObjects objects(reach());
  const bool there = eventually([&] {
    const auto body =
        objects.list(kubernetes::kEndpointSlices, ns_, "kubernetes.io/service-name=" + service);
    const auto found = body ? codec::decode_endpoints(*body) : tl::unexpected(body.error());
    return found && static_cast<std::size_t>(
                        std::ranges::count_if(*found, &codec::Endpoint::ready)) == count;
  });
  if (!there) {
    throw std::runtime_error(
        fmt::format("Service {} never had {} ready endpoints", service, count));
  }
}

std::string ClusterWorld::look(const std::string& object, const std::string& path) {
  return kubectl({"get", object, "-o", "jsonpath=" + path});
}

TrafficTargetSpec three_environments(ClusterWorld& world) {
  std::string yaml;
  for (const std::string name : {"shop", "shop-blue", "shop-green", "shop-canary"}) {
    const std::string version = name == "shop" ? "blue" : name.substr(5);
    yaml += fmt::format(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {}, labels: {{owner: shop}}}}\n"
        "spec: {{selector: {{app: shop, version: {}}}, sessionAffinity: ClientIP, "
        "ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n",
        name, version);
  }
  world.apply(yaml);
  TrafficTargetSpec spec;
  std::size_t count = 0;
  for (const std::string name : {"blue", "green", "canary"}) {
    ++count;
    for (std::size_t i = 1; i <= count; ++i) {
      world.pod(fmt::format("{}-{}", name, i), {{"app", "shop"}, {"version", name}});
    }
    Environment environment{name, {}, {}};
    environment.selector_value = name;
    environment.backend = EnvironmentBackend{"shop-" + name, 80, 1};
    spec.environments.push_back(environment);
    world.await_ready("shop-" + name, count);
  }
  world.await_ready("shop", 1);
  spec.active = "blue";
  return spec;
}

std::string target_manifest(const std::string& active) {
  return fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: TrafficTarget
metadata: {{name: shop}}
spec:
  environments:
  - {{name: blue, selectorValue: blue, backend: {{service: shop-blue}}}}
  - {{name: green, selectorValue: green, backend: {{service: shop-green}}}}
  active: {}
  router: {{kubernetesService: {{name: shop, selectorKey: version}}}}
)",
                     active);
}

void install_gateway_api(ControlPlane& plane) {
  static const bool installed = [&] {
    plane.must_kubectl({"apply", "--server-side", "-f",
                        source_dir() + "/tests/support/gateway_api/httproutes.yaml"});
    plane.must_kubectl({"wait", "--for=condition=Established",
                        "crd/httproutes.gateway.networking.k8s.io", "--timeout=60s"});
    return true;
  }();
  static_cast<void>(installed);
}

void make_route(ClusterWorld& world) {
  world.apply(R"(
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, annotations: {note: "kept"}}
spec:
  parentRefs: [{name: web}]
  hostnames: [shop.example]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: x-rule, value: "1"}]}}
    backendRefs:
    - {name: shop-blue, port: 80, weight: 1}
    - name: shop-green
      port: 80
      weight: 0
      filters:
      - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-side, value: green}]}}
    - {name: experiment, port: 8080, weight: 7}
    - {name: shop-canary, port: 80, weight: 0}
  - matches: [{path: {type: PathPrefix, value: /legacy}}]
    backendRefs: [{name: shop-blue, port: 80, weight: 3}]
  - matches: [{path: {type: PathPrefix, value: /other}}]
    backendRefs: [{name: other, port: 80, weight: 5}, {name: another, port: 80, weight: 5}]
)");
}

SimulatedGateway::SimulatedGateway(ClusterWorld& world, Mood mood)
    : reach_(world.reach()),
      ns_(world.ns()),
      mood_(mood),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SimulatedGateway::~SimulatedGateway() = default;

void SimulatedGateway::run(const std::stop_token& stop) {
  const ApiObjects objects(reach_);
  while (!stop.stop_requested()) {
    const auto body = objects.get({kubernetes::kHttpRoutes, ns_, "shop"});
    const auto route = body ? codec::decode_route(*body) : tl::unexpected(body.error());
    const bool behind =
        route && (route->parents.empty() ||
                  route->parents[0].conditions[0].observed_generation < route->generation);
    if (behind && mood_ != Mood::kMute) {
      const std::string condition =
          R"({{"type":"{}","status":"{}","reason":"{}","message":"says the test",)"
          R"("observedGeneration":{},"lastTransitionTime":"2024-01-15T12:00:00Z"}})";
      const bool accepts = mood_ == Mood::kAccepts;
      const bool resolved = references_;
      const std::string conditions =
          fmt::format(fmt::runtime(condition), "Accepted", accepts ? "True" : "False",
                      accepts ? "Accepted" : "UnsupportedValue", route->generation) +
          "," +
          fmt::format(fmt::runtime(condition), "ResolvedRefs", resolved ? "True" : "False",
                      resolved ? "ResolvedRefs" : "BackendNotFound", route->generation);
      static_cast<void>(reach_.client.send(
          {.method = "PATCH",
           .url =
               "/apis/gateway.networking.k8s.io/v1/namespaces/" + ns_ + "/httproutes/shop/status",
           .headers = {{"content-type", "application/merge-patch+json"}},
           .body = fmt::format(R"({{"status":{{"parents":[{{"parentRef":{{"name":"web"}},)"
                               R"("controllerName":"example.com/gateway","conditions":[{}]}}]}}}})",
                               conditions)},
          stop));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace ripcord
