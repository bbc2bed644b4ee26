// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a file in flagd's format says. Values.

#include <map>
#include <string>

namespace ripcord {

// One flag, decided already: no rules are left.
struct FlagFileEntry {
  bool enabled = true;                          // false: state DISABLED, the code's own default
  std::map<std::string, std::string> variants;  // name -> JSON text
  std::string default_variant;                  // one of them

  bool operator==(const FlagFileEntry&) const = default;
};

using FlagFile = std::map<std::string, FlagFileEntry>;  // by the key that applications ask for

}  // namespace ripcord
