// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs the credential plugin of a kubeconfig: no shell, nothing to type into, a bounded time. Its
// output is never shown; the last line of what it says on standard error is.

#include "adapters/kubernetes/cluster_access.h"
#include "controller/base/clock.h"
#include "controller/codec/exec_credential.h"
#include "controller/ports/command.h"

#include <stop_token>

namespace ripcord::kubernetes {

// Unavailable when the plugin failed or gave no credential, FailedPrecondition when it is not
// installed, DeadlineExceeded after `timeout`, Cancelled. `ca_pem` is the cluster's as read.
Result<codec::ExecCredential> run_credential_plugin(CommandRunner& commands,
                                                    const ClusterAccess& access,
                                                    const std::string& ca_pem, Duration timeout,
                                                    std::stop_token stop);

}  // namespace ripcord::kubernetes
