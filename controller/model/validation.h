// SPDX-License-Identifier: Apache-2.0
#pragma once
// What must hold inside one object, beyond types: ranges, lengths, either-or, names that refer to
// each other. The same rules as the CRDs' schema and CEL. Pure functions.

#include "controller/base/status.h"
#include "controller/model/resource.h"

#include <string>
#include <vector>

namespace ripcord {

struct FieldError {
  std::string path;     // "spec.environments[1].address"
  std::string message;  // what is wrong and what to write instead

  bool operator==(const FieldError&) const = default;
};

// Every problem found, in document order; empty = valid.
std::vector<FieldError> validate(const Resource& resource);

// InvalidArgument with all of them in one message, or ok.
Status validation_status(const Resource& resource);

// RFC 1123 subdomain, as Kubernetes wants metadata.name.
bool is_dns_subdomain(std::string_view name);

}  // namespace ripcord
