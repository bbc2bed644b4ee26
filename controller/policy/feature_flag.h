// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a FeatureFlag wants applications to get, and what it takes to get there. Pure functions.

#include "controller/base/status.h"
#include "controller/model/flag_file.h"
#include "controller/model/resource.h"
#include "controller/policy/plan.h"

#include <optional>
#include <string>

namespace ripcord {

// One answer of the evaluation endpoint, as wanted or as served.
struct FlagValue {
  std::string value;    // JSON text; empty = the application's own default
  std::string variant;  // empty with an empty value
  std::string reason;   // OpenFeature: STATIC, DISABLED

  bool operator==(const FlagValue&) const = default;
};

// "off (false)", "code default" or "not served".
std::string describe(const std::optional<FlagValue>& value);

struct FlagDecision {
  std::string key;  // what applications ask for
  FlagValue wanted;
  bool enabled = true;      // effective
  bool overridden = false;  // an override is in force
  Trigger trigger = Trigger::kSpec;
  bool differs_from_record = false;  // status does not say yet what is wanted
  bool rollback = false;             // takes back what status says: newly disabled or overridden
  Plan plan;                         // empty when `served` is what is wanted
};

// `served` is what the endpoint says; empty when it does not know the flag. The trigger is
// Automatic when this generation was verified before: drift, or an override that
// expired. InvalidArgument: the effective variant is not there, or a rule would be needed to know
// the value.
Result<FlagDecision> decide_feature_flag(const Resource& resource,
                                         const std::optional<FlagValue>& served, WallTime now);

// What a file in flagd's format has to say, so that its readers get the same value.
FlagFileEntry file_entry(const FeatureFlagSpec& spec, const FlagValue& wanted);

std::string flag_key(const Resource& resource);
// What status says was verified last; empty when nothing was.
std::optional<FlagValue> recorded_value(const Resource& resource);

}  // namespace ripcord
