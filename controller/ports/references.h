// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an object names beside itself in a cluster, and being told when that changes.

#include <functional>
#include <stop_token>
#include <string>

namespace ripcord {

struct Reference {
  enum class To {
    kSecret,
    kConfigMap,
    kService,
    kHttpRoute,
    kEndpointSlices,  // all those of the Service of that name
  };
  To to = To::kSecret;
  std::string ns;
  std::string name;

  auto operator<=>(const Reference&) const = default;
};

class ReferenceSource {
 public:
  virtual ~ReferenceSource() = default;
  // Follows what is referred to, whether it is there or not, until `stop`. Calls `changed` when it
  // begins to follow and whenever something of it came, changed or went since. What is in its way
  // heals by itself. Any number of threads, one each.
  virtual void follow(const Reference& reference, const std::function<void()>& changed,
                      const std::stop_token& stop) = 0;
};

}  // namespace ripcord
