// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fault_proxy.h"

#include "tests/support/paths/paths.h"

#include <algorithm>
#include <ctime>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

SeenRequest parse(const std::string& line) {
  std::istringstream fields(line);
  std::string end;
  SeenRequest request;
  fields >> request.start >> end >> request.rule >> request.status >> request.method >>
      request.path >> request.agent;
  request.end = end == "-" ? 0 : std::stod(end);
  return request;
}

bool is_of_ours(const SeenRequest& request) {
  return request.method == "GET" && request.path.starts_with("/apis/ripcord.dev/");
}

}  // namespace

bool SeenRequest::lists() const {
  return is_of_ours(*this) && (path.find("sendInitialEvents=true") != std::string::npos ||
                               (path.find("?limit=") != std::string::npos &&
                                path.find("continue=") == std::string::npos));
}

bool SeenRequest::watches() const {
  return is_of_ours(*this) && path.find("watch=1") != std::string::npos && !lists();
}

double monotonic_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

FaultProxy::FaultProxy(const ControlPlane& plane, HttpClient& client)
    : client_(client),
      process_({.argv = {"python3", source_dir() + "/tests/support/fault_proxy.py", plane.url(),
                         plane.ca_file()}}) {
  const auto port = process_.read_line(std::chrono::minutes(2));
  if (!port) {
    throw std::runtime_error("the fault proxy did not start: " + process_.err());
  }
  port_ = static_cast<std::uint16_t>(std::stoi(*port));
}

std::string FaultProxy::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

std::string FaultProxy::kubeconfig(const std::string& token) const {
  return save_kubeconfig("token: " + token);
}

std::string FaultProxy::kubeconfig_with_token_file(const std::string& file) const {
  return save_kubeconfig("tokenFile: " + file);
}

std::string FaultProxy::save_kubeconfig(const std::string& user) const {
  const std::string file = directory_ / "kubeconfig";
  write_file(file, fmt::format(R"(apiVersion: v1
kind: Config
current-context: proxy
contexts: [{{name: proxy, context: {{cluster: proxy, user: u}}}}]
clusters: [{{name: proxy, cluster: {{server: "{}"}}}}]
users: [{{name: u, user: {{{}}}}}]
)",
                               url(), user));
  return file;
}

int FaultProxy::add_rule(const std::string& json) {
  return std::stoi(control("POST", "/~rule", json).body);
}

void FaultProxy::remove_rule(int number) {
  control("DELETE", fmt::format("/~rule/{}", number));
}

void FaultProxy::remove_rules() {
  control("DELETE", "/~rules");
}

void FaultProxy::cut_streams() {
  control("POST", "/~cut");
}

void FaultProxy::freeze_connections() {
  control("POST", "/~freeze");
}

int FaultProxy::record(const std::string& path, const std::string& token) {
  return std::stoi(
      control("POST", "/~record", fmt::format(R"({{"path":"{}","token":"{}"}})", path, token))
          .body);
}

bool FaultProxy::applied(int rule, std::size_t times) const {
  return eventually(
      [&] { return count(0, [&](const auto& seen) { return seen.rule == rule; }) >= times; });
}

SeenRequest FaultProxy::ended(int rule) const {
  SeenRequest found;
  const bool over = eventually([&] {
    const auto all = requests();
    const auto at = std::ranges::find(all, rule, &SeenRequest::rule);
    found = at == all.end() ? SeenRequest{} : *at;
    return found.end > 0;
  });
  if (!over) {
    throw std::runtime_error(fmt::format("no request of rule {} has ended", rule));
  }
  return found;
}

std::vector<SeenRequest> FaultProxy::requests() const {
  std::istringstream lines(control("GET", "/~log").body);
  std::vector<SeenRequest> all;
  for (std::string line; std::getline(lines, line);) {
    all.push_back(parse(line));
  }
  return all;
}

std::size_t FaultProxy::count(double since,
                              const std::function<bool(const SeenRequest&)>& fits) const {
  const auto all = requests();
  return static_cast<std::size_t>(std::ranges::count_if(
      all, [&](const SeenRequest& request) { return request.start >= since && fits(request); }));
}

HttpResponse FaultProxy::control(const std::string& method, const std::string& path,
                                 const std::string& body) const {
  HttpRequest request;
  request.method = method;
  request.url = url() + path;
  request.body = body;
  const Result<HttpResponse> response = client_.send(request);
  if (!response || response->status != 200) {
    throw std::runtime_error("the fault proxy did not take " + method + " " + path + " " + body);
  }
  return *response;
}

}  // namespace ripcord
