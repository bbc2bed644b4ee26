// SPDX-License-Identifier: Apache-2.0
#pragma once
// FeatureFlag: the value applications get for a flag. Values; JSON values are kept as their JSON
// text, so that 10 and 10.0 stay different on the wire.

#include "controller/model/cluster_refs.h"
#include "controller/model/condition.h"
#include "controller/model/override.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ripcord {

enum class WhenDisabled { kOffVariant, kCodeDefault };

struct FeatureFlagOverride : OverrideBase {
  std::optional<bool> enabled;
  std::optional<std::string> variant;  // force this variant while enabled

  bool operator==(const FeatureFlagOverride&) const = default;
};

struct FeatureFlagSpec {
  bool suspend = false;
  std::string key;  // what applications ask for; any text up to 512 bytes; default: metadata.name
  bool enabled = true;
  std::map<std::string, std::string> variants;  // name -> JSON text, all of one JSON type
  std::string default_variant;
  std::string off_variant;
  std::string targeting;  // JSON text of the flagd rule; empty or {} = none
  WhenDisabled when_disabled = WhenDisabled::kOffVariant;
  std::optional<FeatureFlagOverride> override;
  std::vector<FlagSink> sinks{};

  bool operator==(const FeatureFlagSpec&) const = default;
};

struct FeatureFlagStatus : CommonStatus {
  std::string variant;  // served, as verified through the evaluation endpoint
  std::string value;    // JSON text
  bool enabled = false;
  bool overridden = false;
  std::vector<FlagSink> sinks{};  // where its entry is, or may be

  bool operator==(const FeatureFlagStatus&) const = default;
};

}  // namespace ripcord
