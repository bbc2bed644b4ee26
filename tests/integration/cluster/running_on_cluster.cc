// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/cluster/running_on_cluster.h"

#include "adapters/http/client.h"
#include "tests/support/paths/paths.h"

#include <csignal>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

using nlohmann::json;

const std::string kBinary = bin_dir() + "/ripcord";

std::string local(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

// What differs between two runs that did the same.
void forget_times(json& value) {
  if (value.is_array()) {
    for (json& item : value) {
      forget_times(item);
    }
    return;
  }
  if (!value.is_object()) {
    return;
  }
  for (auto at = value.begin(); at != value.end();) {
    const std::string& key = at.key();
    const bool varies = key.ends_with("Time") || key.ends_with("At") || key == "at" ||
                        key == "time" || key == "began" || key == "ended" || key == "duration" ||
                        key == "since" || key.ends_with("Seconds") || key.ends_with("Milliseconds");
    if (varies) {
      at = value.erase(at);
    } else {
      forget_times(*at);
      ++at;
    }
  }
}

}  // namespace

HttpClient& plain_client() {
  static const std::unique_ptr<HttpClient> client = http::make_http_client();
  return *client;
}

RunningOnCluster::RunningOnCluster(std::string kubeconfig, std::string ns,
                                   std::vector<std::string> more)
    : kubeconfig_(std::move(kubeconfig)), ns_(std::move(ns)), more_(std::move(more)) {
  start();
}

// Also one that is stopped.
RunningOnCluster::~RunningOnCluster() {
  if (process_ && process_->running()) {
    process_->signal(SIGCONT);
    process_->signal(SIGKILL);
    process_->wait();
  }
}

void RunningOnCluster::start_without_waiting() {
  std::vector<std::string> argv = {kBinary,
                                   "run",
                                   "--kubeconfig",
                                   kubeconfig_,
                                   "--watch-namespace",
                                   ns_,
                                   "--lease-namespace",
                                   ns_,
                                   "--metrics-bind-address",
                                   local(metrics_port_),
                                   "--health-probe-bind-address",
                                   local(health_port_),
                                   "--ofrep-bind-address",
                                   local(ofrep_port_)};
  argv.insert(argv.end(), more_.begin(), more_.end());
  if (more_.empty()) {
    argv.insert(argv.end(), {"--leader-elect-lease-duration=3s", "--leader-elect-renew-deadline=2s",
                             "--leader-elect-retry-period=500ms"});
  }
  process_ = std::make_unique<ChildProcess>(ProcessOptions{.argv = argv});
}

void RunningOnCluster::start() {
  start_without_waiting();
  if (!eventually([&] { return health("/readyz").status == 200 || !process_->running(); }) ||
      !process_->running()) {
    throw std::runtime_error("ripcord did not become ready: " + process_->err());
  }
}

void RunningOnCluster::kill9() {
  process_->signal(SIGKILL);
  process_->wait();
}

std::optional<int> RunningOnCluster::terminate() {
  process_->signal(SIGTERM);
  return process_->wait(std::chrono::seconds(30));
}

std::string RunningOnCluster::flag(const std::string& key) const {
  HttpRequest request;
  request.method = "POST";
  request.url = "http://" + local(ofrep_port_) + "/ofrep/v1/evaluate/flags/" + key;
  request.body = R"({"context":{"targetingKey":"u1"}})";
  request.headers["Content-Type"] = "application/json";
  const Result<HttpResponse> response = plain_client().send(request);
  if (!response || response->status != 200) {
    return fmt::format("status {}", response ? response->status : 0);
  }
  return json::parse(response->body).at("value").dump();
}

HttpResponse RunningOnCluster::get(std::uint16_t port, const std::string& path) const {
  HttpRequest request;
  request.url = "http://" + local(port) + path;
  request.timeout = std::chrono::seconds(3);
  return plain_client().send(request).value_or(HttpResponse{});
}

HttpResponse RunningOnCluster::health(const std::string& path) const {
  return get(health_port_, path);
}

std::string RunningOnCluster::metrics() const {
  return get(metrics_port_, "/metrics").body;
}

double RunningOnCluster::metric(const std::string& series) const {
  const std::string text = "\n" + metrics();
  const std::size_t at = text.find("\n" + series + " ");
  return at == std::string::npos ? std::numeric_limits<double>::quiet_NaN()
                                 : std::stod(text.substr(at + series.size() + 2));
}

bool RunningOnCluster::leads() const {
  return metric(R"(leader_election_master_status{name="ripcord-leader"})") == 1;
}

ControlPlane& ClusterNamespace::plane() {
  return shared_control_plane();
}

void ClusterNamespace::apply_crds() {
  plane().must_kubectl({"apply", "-f", source_dir() + "/crds"});
  plane().must_kubectl({"wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"});
}

ClusterNamespace::ClusterNamespace() : ClusterNamespace(fresh_namespace(plane())) {}

ClusterNamespace::ClusterNamespace(std::string name) : name_(std::move(name)) {
  static const bool applied = [] {
    apply_crds();
    return true;
  }();
  static_cast<void>(applied);
  client_ = http::make_http_client({}, {.ca_pem = read_file(plane().ca_file())});
}

std::string ClusterNamespace::kubectl(std::vector<std::string> args,
                                      const std::string& input) const {
  args.insert(args.begin(), {"-n", name_});
  return plane().must_kubectl(std::move(args), input);
}

void ClusterNamespace::apply_flag(const std::string& name, bool enabled) const {
  apply(fmt::format(R"(apiVersion: ripcord.dev/v1alpha1
kind: FeatureFlag
metadata: {{name: {0}}}
spec: {{key: {0}, enabled: {1}}}
)",
                    name, enabled));
}

void ClusterNamespace::patch(const std::string& object, const std::string& json) const {
  kubectl({"patch", object, "--type=merge", "-p", json});
}

void ClusterNamespace::await_ready(const std::string& object) const {
  kubectl({"wait", "--for=condition=Ready", object, "--timeout=30s"});
}

json ClusterNamespace::get(const std::string& object) const {
  return json::parse(kubectl({"get", object, "-o", "json"}));
}

void ClusterNamespace::forget_versions_of_flags() const {
  std::string version;
  static_cast<void>(eventually([&] {  // an edit before this one may still be under way
    const HttpResponse list = request("GET", "featureflags");
    version = list.status == 200 ? json::parse(list.body)["metadata"]["resourceVersion"] : json("");
    return !version.empty();
  }));
  // Any edit of a definition does it.
  kubectl({"patch", "crd", "featureflags.ripcord.dev", "--type=json", "-p",
           R"([{"op":"add","path":"/spec/names/shortNames/-","value":"oneflag"}])"});
  const bool forgotten = eventually([&] {
    return request("GET", "featureflags?watch=1&timeoutSeconds=1&resourceVersion=" + version)
               .body.find("\"code\":410") != std::string::npos;
  });
  apply_crds();
  if (!forgotten) {
    throw std::runtime_error("the API server still knows version " + version);
  }
}

std::string ClusterNamespace::state_of(const std::string& kind) const {
  json states = json::array();
  json list = json::parse(kubectl({"get", kind, "-o", "json"}));
  for (json& item : list["items"]) {
    json state = {
        {"name", item["metadata"]["name"]}, {"spec", item["spec"]}, {"status", item["status"]}};
    forget_times(state["status"]);
    states.push_back(std::move(state));
  }
  return states.dump(1);
}

HttpResponse ClusterNamespace::request(const std::string& method, const std::string& path,
                                       const std::string& body, const std::string& type) const {
  HttpRequest request;
  request.method = method;
  request.url = plane().url() + "/apis/ripcord.dev/v1alpha1/namespaces/" + name_ + "/" + path;
  request.body = body;
  request.headers["Content-Type"] = type;
  request.headers["Authorization"] = "Bearer " + plane().token();
  return client_->send(request).value_or(HttpResponse{});
}

std::string migration_manifest(const std::string& name, const std::string& database, int version) {
  return fmt::format(R"yaml(apiVersion: ripcord.dev/v1alpha1
kind: MigrationVersion
metadata: {{name: {}}}
spec:
  database: {{engine: SQLite, path: {}}}
  source:
    inline:
    - version: 1
      name: one
      up: create table runs (what text); insert into runs values ('up 1')
      down: drop table runs
    - version: 2
      name: two
      up: create view seen as select 1; insert into runs values ('up 2')
      down: drop view seen; insert into runs values ('down 2')
  version: {}
  policy: {{down: Allow, dataLoss: Approve}}
  approval: {{version: 1, by: alice, dataLoss: true}}
)yaml",
                     name, database, version);
}

std::string sqlite(const std::string& database, const std::string& sql) {
  const RunResult result = run({.argv = {"sqlite3", database, ".timeout 5000", sql}});
  if (result.exit_code != 0) {
    throw std::runtime_error("sqlite3: " + result.err);
  }
  return result.out;
}

}  // namespace ripcord
