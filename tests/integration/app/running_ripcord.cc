// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/app/running_ripcord.h"

#include "adapters/http/client.h"
#include "tests/support/paths/paths.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>

namespace ripcord {
namespace {

const std::string kBinary = bin_dir() + "/ripcord";

std::string local(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

}  // namespace

RunningRipcord::RunningRipcord(std::vector<std::string> more_options)
    : more_options_(std::move(more_options)) {
  std::filesystem::create_directory(manifests());
  start();
}

void RunningRipcord::start() {
  std::vector<std::string> argv = {kBinary,
                                   "run",
                                   "--manifests",
                                   manifests(),
                                   "--data",
                                   directory_ / "data",
                                   "--metrics-bind-address",
                                   local(metrics_port_),
                                   "--health-probe-bind-address",
                                   local(health_port_),
                                   "--api-bind-address",
                                   local(api_port_),
                                   "--ofrep-bind-address",
                                   local(ofrep_port_)};
  argv.insert(argv.end(), more_options_.begin(), more_options_.end());
  process_ = std::make_unique<ChildProcess>(ProcessOptions{.argv = argv});
  client_ = http::make_http_client();  // the connections of the last one are to the process before
  if (!eventually([&] { return health("/readyz").status == 200 || !process_->running(); }) ||
      !process_->running()) {
    throw std::runtime_error("ripcord did not become ready: " + process_->err());
  }
}

void RunningRipcord::kill9() {
  process_->signal(SIGKILL);
  process_->wait();
}

std::optional<int> RunningRipcord::terminate() {
  process_->signal(SIGTERM);
  return process_->wait(std::chrono::seconds(30));
}

void RunningRipcord::save(const std::string& file, const std::string& yaml) const {
  const std::string fresh = directory_ / ".saved";
  write_file(fresh, yaml);
  std::filesystem::rename(fresh, manifests() + "/" + file);
}

void RunningRipcord::remove(const std::string& file) const {
  std::filesystem::remove(manifests() + "/" + file);
}

HttpResponse RunningRipcord::api(const std::string& method, const std::string& path,
                                 const std::string& body, const std::string& type) const {
  HttpRequest request;
  request.method = method;
  request.url =
      "http://" + local(api_port_) + "/apis/ripcord.dev/v1alpha1/namespaces/default/" + path;
  request.body = body;
  request.headers["Content-Type"] = type;
  return client_->send(request).value_or(HttpResponse{});
}

std::string RunningRipcord::await_ready(const std::string& path, const std::string& state) const {
  std::string last;
  const bool came = eventually([&] {
    last = api("GET", path).body;
    // jq rather than a parser of ours: this is what a person would type.
    const RunResult test =
        run({.argv = {"jq", "-e",
                      ".metadata.generation == .status.observedGeneration and "
                      "any(.status.conditions[]?; .type == \"Ready\" and .status == \"" +
                          state + "\")"}},
            last.empty() ? "null" : last);
    return test.exit_code == 0;
  });
  if (!came) {
    throw std::runtime_error(path + " is not Ready=" + state + ": " + last + "\n" +
                             process_->err());
  }
  return last;
}

HttpResponse RunningRipcord::flag(const std::string& key) const {
  HttpRequest request;
  request.method = "POST";
  request.url = "http://" + local(ofrep_port_) + "/ofrep/v1/evaluate/flags/" + key;
  request.body = R"({"context":{"targetingKey":"u1"}})";
  request.headers["Content-Type"] = "application/json";
  return client_->send(request).value_or(HttpResponse{});
}

HttpResponse RunningRipcord::get(std::uint16_t port, const std::string& path) const {
  return client_->send({.url = "http://" + local(port) + path}).value_or(HttpResponse{});
}

std::string RunningRipcord::metrics() const {
  return get(metrics_port_, "/metrics").body;
}

HttpResponse RunningRipcord::health(const std::string& path) const {
  return get(health_port_, path);
}

RunResult ripcord_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kBinary);
  return run({.argv = std::move(arguments)});
}

}  // namespace ripcord
