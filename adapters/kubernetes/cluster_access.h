// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which API server we talk to and with what credentials: from a kubeconfig, or from what the
// kubelet puts into a pod. Values and functions that read files; nothing is kept. No message shows
// a credential.

#include "controller/base/status.h"
#include "controller/codec/kubeconfig.h"

#include <optional>
#include <string>

namespace ripcord::kubernetes {

// Given as text, or in a file that is read again when it is due.
struct TextSource {
  std::string text;
  std::string file;  // wins over `text`
  bool given() const { return !text.empty() || !file.empty(); }
};

struct ClusterAccess {
  std::string origin;  // for people: "context 'a' of /home/me/.kube/config"
  std::string server;  // "https://10.0.0.1:6443", perhaps with a path, without a slash at the end
  std::string ns;      // the namespace to work in; empty when nothing says so
  TextSource ca;
  std::string server_name;
  bool insecure_skip_verify = false;
  TextSource token;
  TextSource certificate;
  TextSource key;
  std::optional<codec::KubeExec> exec;
};

struct AccessOptions {
  std::string kubeconfig;       // --kubeconfig: this file alone
  std::string context;          // --context; empty: the file's current-context
  std::string kubeconfig_list;  // $KUBECONFIG, separated by colons
  std::string home;             // $HOME
  std::string service_host;     // $KUBERNETES_SERVICE_HOST
  std::string service_port;     // $KUBERNETES_SERVICE_PORT
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// The options with what the environment says.
AccessOptions access_options_of_environment();

// The first that is there: --kubeconfig, $KUBECONFIG, the pod's service account (not when a context
// is asked for), ~/.kube/config. FailedPrecondition when there is none; InvalidArgument names file,
// line and field of what is wrong.
Result<ClusterAccess> find_cluster_access(const AccessOptions& options);

}  // namespace ripcord::kubernetes
