// SPDX-License-Identifier: Apache-2.0
#pragma once
// SecretReader over the API server: one GET of the Secret that is named, which takes the right
// `get` on that name alone. Errors are those of the port and of ApiObjects. Thread-safe.

#include "adapters/kubernetes/api_objects.h"
#include "controller/ports/secrets.h"

namespace ripcord::kubernetes {

class ClusterSecrets final : public SecretReader {
 public:
  // The reach's client outlives it.
  explicit ClusterSecrets(ClusterReach reach) : objects_(std::move(reach)) {}
  Result<std::string> read(const SecretKeyRef& ref) override;

 private:
  ApiObjects objects_;
};

}  // namespace ripcord::kubernetes
