// SPDX-License-Identifier: Apache-2.0
#pragma once
// A private Kubernetes control plane on loopback: a real kube-apiserver with RBAC, etcd, and
// kubectl of the same version. From $KUBEBUILDER_ASSETS (etcd, kube-apiserver, kubectl) when that
// is set, else what tests/controlplane/build made, which also runs the garbage collector and the
// namespace, Deployment, ReplicaSet, ServiceAccount and EndpointSlice controllers. Nothing runs
// pods: a test that wants one ready creates a Node and patches the pod's status. The garbage
// collector learns of a new CRD within 30 s.
// Throws std::runtime_error with the end of the log when it does not start. One thread at a time;
// ended with the object.

#include "tests/support/process.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace ripcord {

// Comes without any right: bind a role to `name` or `group`.
struct ControlPlaneUser {
  std::string name;
  std::string token;
  std::string group;
};

struct ControlPlaneOptions {
  std::vector<ControlPlaneUser> users;
  std::vector<std::string> api_server_flags;  // after ours, so they win
};

class ControlPlane {
 public:
  explicit ControlPlane(ControlPlaneOptions options = {});  // starts it
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // Nothing when one can be started, else why not and what to do about it.
  static std::optional<std::string> why_unavailable();

  std::string url() const;  // https://127.0.0.1:PORT, the same after a restart
  std::string kubeconfig() const { return directory_ / "admin.kubeconfig"; }
  std::string token() const { return "admin-token"; }  // of the administrator
  std::string ca_file() const { return directory_ / "ca.crt"; }
  // The administrator by client certificate. ca.key beside ca_file() signs others.
  std::string client_certificate_file() const { return directory_ / "admin.crt"; }
  std::string client_key_file() const { return directory_ / "admin.key"; }
  // A kubeconfig of somebody else, e.g. of `kubectl create token`; overwritten by the next of
  // `name`.
  std::string kubeconfig_for(const std::string& name, const std::string& token) const;
  // Without authentication; POST /v3/kv/compaction {"revision":"N"} makes old versions 410.
  std::string etcd_url() const;
  // False with KUBEBUILDER_ASSETS: owned objects, namespaces and Deployments stay as they are.
  bool runs_controllers() const { return !assets_; }
  std::string kubectl_path() const { return binaries_ + "/kubectl"; }
  pid_t pid() const;  // of the API server
  std::string log() const;

  // kubectl as the administrator; {"--token", t} first makes it somebody else. No cache, preference
  // or configuration of the user is read or written.
  RunResult kubectl(std::vector<std::string> args, const std::string& stdin_text = {},
                    std::chrono::milliseconds timeout = std::chrono::seconds(60)) const;
  // The same; throws when it fails. Gives standard output.
  std::string must_kubectl(std::vector<std::string> args, const std::string& stdin_text = {}) const;

  void start();  // on the same data and port; returns when the server is ready
  void stop();   // SIGTERM; open watches are cut after 5 s
  void kill9();  // as if the machine lost power; start() recovers

 private:
  void start_built();
  void start_assets();
  void write_assets_keys() const;
  std::unique_ptr<ChildProcess> spawn(const std::string& program, std::vector<std::string> args,
                                      bool pipe_stdin) const;
  void await_ready();
  void end(int signal);
  [[noreturn]] void fail(const std::string& what) const;

  ControlPlaneOptions options_;
  TempDir directory_;
  std::string binaries_;
  bool assets_ = false;
  std::uint16_t port_ = 0;
  std::uint16_t etcd_port_ = 0;
  std::unique_ptr<ChildProcess> etcd_;  // only with KUBEBUILDER_ASSETS
  std::unique_ptr<ChildProcess> server_;
};

// One control plane shared by all tests of a binary, started at first use and ended with the
// process. It has one user without rights, kVisitor. Work in a fresh_namespace().
inline constexpr const char* kVisitor = "visitor";
inline constexpr const char* kVisitorToken = "visitor-token";
ControlPlane& shared_control_plane();
std::string fresh_namespace(const ControlPlane& plane, const std::string& hint = "t");

// True when the environment says that a missing control plane is a failure (continuous
// integration).
bool control_plane_is_required();

}  // namespace ripcord

// In SetUp() or at the top of a test: skips it where no control plane can be started, with the
// reason and the remedy; fails it instead where RIPCORD_REQUIRE_CONTROL_PLANE=1.
#define REQUIRE_CONTROL_PLANE()                                                              \
  do {                                                                                       \
    if (const auto ripcord_why = ::ripcord::ControlPlane::why_unavailable()) {               \
      if (::ripcord::control_plane_is_required()) {                                          \
        FAIL() << "RIPCORD_REQUIRE_CONTROL_PLANE=1, but there is none: " << *ripcord_why;    \
      }                                                                                      \
      GTEST_SKIP() << "Skipped, because it needs a Kubernetes API server: " << *ripcord_why; \
    }                                                                                        \
  } while (false)

// The same, and for want of the controllers that only tests/controlplane runs.
#define REQUIRE_CONTROLLERS()                                                          \
  do {                                                                                 \
    REQUIRE_CONTROL_PLANE();                                                           \
    if (!::ripcord::shared_control_plane().runs_controllers()) {                       \
      const char* const ripcord_why =                                                  \
          "KUBEBUILDER_ASSETS has no controllers; unset it to use tests/controlplane"; \
      if (::ripcord::control_plane_is_required()) {                                    \
        FAIL() << "RIPCORD_REQUIRE_CONTROL_PLANE=1, but " << ripcord_why;              \
      }                                                                                \
      GTEST_SKIP() << "Skipped: " << ripcord_why;                                      \
    }                                                                                  \
  } while (false)
