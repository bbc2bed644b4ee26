// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a manifest names what else is in its cluster. Always beside the object itself: another
// namespace cannot be named. Values.

#include <string>

namespace ripcord {

// A key of a Secret.
struct SecretKeyRef {
  std::string name;
  std::string key;
  std::string ns{};  // not on the wire: see located()

  bool operator==(const SecretKeyRef&) const = default;
};

// A whole ConfigMap, whose keys are names of files.
struct ConfigMapRef {
  std::string name;
  std::string ns{};  // likewise

  bool operator==(const ConfigMapRef&) const = default;
};

// A key of a ConfigMap that is written.
struct ConfigMapKey {
  std::string name;
  std::string key;

  auto operator<=>(const ConfigMapKey&) const = default;
};

// Where a flag is written to, beside what Ripcord serves itself.
struct FlagSink {
  ConfigMapKey config_map;

  auto operator<=>(const FlagSink&) const = default;
};

}  // namespace ripcord
