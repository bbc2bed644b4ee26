// SPDX-License-Identifier: Apache-2.0
#include "tests/support/control_plane.h"

#include "tests/support/paths/paths.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr const char* kAssets = "KUBEBUILDER_ASSETS";
constexpr std::size_t kLogTail = 4000;
constexpr std::chrono::minutes kStartTimeout{3};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

RunResult find_built() {
  return run({.argv = {"bash", source_dir() + "/tests/controlplane/build", "--find"}});
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::optional<std::string> ControlPlane::why_unavailable() {
  const std::string assets = variable(kAssets);
  if (assets.empty()) {
    const RunResult found = find_built();
    if (found.exit_code == 0) {
      return std::nullopt;
    }
    return first_line(found.err) + " (needs Go 1.26), or set " + kAssets +
           " to a directory with etcd, kube-apiserver and kubectl";
  }
  for (const char* program : {"etcd", "kube-apiserver", "kubectl"}) {
    if (access((assets + "/" + program).c_str(), X_OK) != 0) {
      return fmt::format("{}={} holds no executable {}; unset it to use tests/controlplane/build",
                         kAssets, assets, program);
    }
  }
  return std::nullopt;
}

ControlPlane::ControlPlane(ControlPlaneOptions options) : options_(std::move(options)) {
  if (const std::optional<std::string> why = why_unavailable()) {
    throw std::runtime_error("no control plane: " + *why);
  }
  binaries_ = variable(kAssets);
  assets_ = !binaries_.empty();
  if (assets_) {
    port_ = free_port();
    etcd_port_ = free_port();
    write_assets_keys();
    write_file(kubeconfig(), read_file(kubeconfig_for("admin", token())));
  } else {
    binaries_ = first_line(find_built().out);
  }
  start();
}

ControlPlane::~ControlPlane() {
  end(SIGKILL);  // the data goes with the directory, so there is nothing to end in good order
}

std::string ControlPlane::url() const {
  return "https://127.0.0.1:" + std::to_string(port_);
}

std::string ControlPlane::kubeconfig_for(const std::string& name, const std::string& token) const {
  const std::string path = directory_ / (name + ".user.kubeconfig");
  write_file(path, fmt::format(R"(apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
clusters: [{{name: test, cluster: {{server: "{}", certificate-authority: "{}"}}}}]
users: [{{name: test, user: {{token: "{}"}}}}]
)",
                               url(), ca_file(), token));
  return path;
}

std::string ControlPlane::etcd_url() const {
  return assets_ ? "http://127.0.0.1:" + std::to_string(etcd_port_)
                 : first_line(read_file(directory_ / "etcd.url"));
}

pid_t ControlPlane::pid() const {
  return server_ ? server_->pid() : -1;
}

std::string ControlPlane::log() const {
  std::string all;
  for (const char* program : {"etcd", "kube-apiserver", "controlplane"}) {
    const std::string path = directory_ / (std::string(program) + ".log");
    if (access(path.c_str(), R_OK) == 0) {
      all += read_file(path);
    }
  }
  return all;
}

RunResult ControlPlane::kubectl(std::vector<std::string> args, const std::string& stdin_text,
                                std::chrono::milliseconds timeout) const {
  args.insert(args.begin(), binaries_ + "/kubectl");
  return run({.argv = std::move(args),
              .env = {{"KUBECONFIG", kubeconfig()},
                      {"KUBECACHEDIR", directory_ / "kubectl-cache"},
                      {"KUBERC", "off"}}},
             stdin_text, timeout);
}

std::string ControlPlane::must_kubectl(std::vector<std::string> args,
                                       const std::string& stdin_text) const {
  const std::string shown = fmt::format("{}", fmt::join(args, " "));
  RunResult result = kubectl(std::move(args), stdin_text);
  if (result.exit_code != 0) {
    throw std::runtime_error(
        fmt::format("kubectl {}: exit {}: {}", shown, result.exit_code, result.err));
  }
  return std::move(result.out);
}

std::unique_ptr<ChildProcess> ControlPlane::spawn(const std::string& program,
                                                  std::vector<std::string> args,
                                                  bool pipe_stdin) const {
  std::vector<std::string> argv = {"sh", "-c", "exec \"$@\" 2>>\"$SERVER_LOG\"", "sh",
                                   binaries_ + "/" + program};
  argv.insert(argv.end(), args.begin(), args.end());
  return std::make_unique<ChildProcess>(
      ProcessOptions{.argv = std::move(argv),
                     .env = {{"SERVER_LOG", directory_ / (program + ".log")}},
                     .pipe_stdin = pipe_stdin});
}

void ControlPlane::start() {
  if (server_) {
    return;
  }
  if (assets_) {
    start_assets();
  } else {
    start_built();
  }
}

void ControlPlane::start_built() {
  std::vector<std::string> args = {"--data", directory_.path().string(), "--port",
                                   std::to_string(port_)};
  for (const ControlPlaneUser& user : options_.users) {
    args.insert(args.end(), {"--user", fmt::format("{}={}:{}", user.name, user.token, user.group)});
  }
  args.emplace_back("--");
  args.insert(args.end(), options_.api_server_flags.begin(), options_.api_server_flags.end());
  server_ = spawn("controlplane", args, true);
  const std::string line = server_->read_line(kStartTimeout).value_or("");
  if (line != "ready " + kubeconfig()) {
    fail("the control plane did not start");
  }
  const std::string config = read_file(kubeconfig());
  const std::string host = "https://127.0.0.1:";
  port_ = static_cast<std::uint16_t>(std::stoi(config.substr(config.find(host) + host.size())));
}

void ControlPlane::stop() {
  end(SIGTERM);
}

void ControlPlane::kill9() {
  end(SIGKILL);
}

void ControlPlane::end(int signal) {
  for (std::unique_ptr<ChildProcess>* process : {&server_, &etcd_}) {
    if (*process) {
      (*process)->signal(signal);
      (*process)->wait();
      process->reset();
    }
  }
}

void ControlPlane::fail(const std::string& what) const {
  const std::string all = log();
  throw std::runtime_error(what + ":\n" + all.substr(all.size() - std::min(all.size(), kLogTail)));
}

ControlPlane& shared_control_plane() {
  static ControlPlane plane({.users = {{kVisitor, kVisitorToken, ""}}});
  return plane;
}

std::string fresh_namespace(const ControlPlane& plane, const std::string& hint) {
  static std::atomic<int> counter = 0;
  const std::string name = hint + "-" + std::to_string(getpid()) + "-" + std::to_string(++counter);
  plane.must_kubectl({"create", "namespace", name});
  return name;
}

bool control_plane_is_required() {
  return variable("RIPCORD_REQUIRE_CONTROL_PLANE") == "1";
}

}  // namespace ripcord
