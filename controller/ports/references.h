// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an object names beside itself in a cluster, and being told when that changes.

#include <functional>
#include <stop_token>
#include <string>

namespace ripcord {

struct Reference {
  enum class To { kSecret, kConfigMap };
  To to = To::kSecret;
  std::string ns;
  std::string name;

  auto operator<=>(const Reference&) const = default;
};

class ReferenceSource {
 public:
  virtual ~ReferenceSource() = default;
  // Follows this one object, whether it is there or not, until `stop`. Calls `changed` when it
  // begins to follow and whenever the object came, changed or went since. What is in its way heals
  // by itself. Any number of threads, one each.
  virtual void follow(const Reference& reference, const std::function<void()>& changed,
                      const std::stop_token& stop) = 0;
};

}  // namespace ripcord
