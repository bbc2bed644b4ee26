// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/cluster_secrets.h"

#include "controller/codec/cluster_secret.h"

#include <fmt/format.h>

namespace ripcord::kubernetes {

Result<std::string> ClusterSecrets::read(const SecretKeyRef& ref) {
  const ApiName name{kSecrets, ref.ns, ref.name};
  ASSIGN_OR_RETURN(const std::string body, objects_.get(name));
  auto value = codec::decode_secret_value(body, ref.key);
  if (!value) {
    return tl::unexpected<Status>(value.error().annotated(to_string(name)));
  }
  return value;
}

}  // namespace ripcord::kubernetes
