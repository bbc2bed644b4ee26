// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/feature_flag.h"

#include <map>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr const char* kStatic = "STATIC";
constexpr const char* kDisabled = "DISABLED";

// A flag without variants is an on-off switch.
struct Variants {
  std::map<std::string, std::string> values;
  std::string on;
  std::string off;
};

Variants variants_of(const FeatureFlagSpec& spec) {
  if (!spec.variants.empty()) {
    return {spec.variants, spec.default_variant, spec.off_variant};
  }
  return {{{"on", "true"}, {"off", "false"}},
          spec.default_variant.empty() ? "on" : spec.default_variant,
          spec.off_variant.empty() ? "off" : spec.off_variant};
}

Result<FlagValue> value_of(const Variants& variants, const std::string& name, const char* field) {
  const auto found = variants.values.find(name);
  if (found != variants.values.end()) {
    return FlagValue{found->second, name, kStatic};
  }
  std::string known;
  for (const auto& [variant, value] : variants.values) {
    known += (known.empty() ? "'" : ", '") + variant + "'";
  }
  return error(StatusCode::kInvalidArgument,
               fmt::format("{} is '{}', which spec.variants does not have; write one of {}", field,
                           name, known),
               "UnknownVariant");
}

// An empty rule decides nothing.
bool has_rule(const std::string& targeting) {
  std::string text;
  for (const char c : targeting) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      text.push_back(c);
    }
  }
  return !text.empty() && text != "{}" && text != "null";
}

Result<FlagValue> wanted_value(const FeatureFlagSpec& spec, const FeatureFlagOverride* forced,
                               bool enabled) {
  const Variants variants = variants_of(spec);
  if (!enabled) {
    return spec.when_disabled == WhenDisabled::kCodeDefault
               ? Result<FlagValue>(FlagValue{"", "", kDisabled})
               : value_of(variants, variants.off, "spec.offVariant");
  }
  if (forced != nullptr && forced->variant) {
    return value_of(variants, *forced->variant, "spec.override.variant");
  }
  if (has_rule(spec.targeting)) {
    return error(StatusCode::kInvalidArgument,
                 "spec.targeting has a rule, and this version evaluates none; remove it, or force "
                 "one variant for everybody with spec.override.variant",
                 "TargetingNotSupported");
  }
  return value_of(variants, variants.on, "spec.defaultVariant");
}

// This very generation was found right once: what is different now nobody has asked for.
bool verified_already(const Resource& resource) {
  const Condition* ready = common(resource.status).conditions.find(kReady);
  return ready != nullptr && ready->status == ConditionState::kTrue &&
         ready->observed_generation == resource.meta.generation;
}

Plan plan_of(const FlagDecision& decision, const std::optional<FlagValue>& served) {
  Plan plan;
  plan.from = describe(served);
  plan.to = describe(decision.wanted);
  if (served != decision.wanted) {
    PlannedStep step;
    step.summary = fmt::format("serve {} for flag {}", plan.to, decision.key);
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

}  // namespace

std::string describe(const std::optional<FlagValue>& value) {
  if (!value) {
    return "not served";
  }
  return value->value.empty() ? "code default"
                              : fmt::format("{} ({})", value->variant, value->value);
}

FlagFileEntry file_entry(const FeatureFlagSpec& spec, const FlagValue& wanted) {
  Variants variants = variants_of(spec);
  const bool disabled = wanted.value.empty();
  const std::string& name = disabled ? variants.on : wanted.variant;
  const auto found = variants.values.find(name);
  if (disabled && found == variants.values.end()) {
    return {false, variants.values, variants.values.begin()->first};
  }
  if (!disabled && (found == variants.values.end() || found->second != wanted.value)) {
    // What was verified once, of a spec that says something else by now.
    return {true, {{wanted.variant, wanted.value}}, wanted.variant};
  }
  return {!disabled, std::move(variants.values), name};
}

std::string flag_key(const Resource& resource) {
  const auto& spec = std::get<FeatureFlagSpec>(resource.spec);
  return spec.key.empty() ? resource.meta.name : spec.key;
}

std::optional<FlagValue> recorded_value(const Resource& resource) {
  const auto& status = std::get<FeatureFlagStatus>(resource.status);
  if (status.value.empty()) {
    // A flag that was verified without a value leaves CodeDefault behind; one that never was
    // verified has no history.
    return status.history.empty() ? std::nullopt
                                  : std::optional<FlagValue>(FlagValue{"", "", kDisabled});
  }
  return FlagValue{status.value, status.variant, kStatic};
}

Result<FlagDecision> decide_feature_flag(const Resource& resource,
                                         const std::optional<FlagValue>& served, WallTime now) {
  const auto& spec = std::get<FeatureFlagSpec>(resource.spec);
  const auto& status = std::get<FeatureFlagStatus>(resource.status);
  const FeatureFlagOverride* forced = active_override(spec.override, now);

  FlagDecision decision;
  decision.key = flag_key(resource);
  decision.overridden = forced != nullptr;
  decision.enabled = forced != nullptr && forced->enabled ? *forced->enabled : spec.enabled;
  ASSIGN_OR_RETURN(decision.wanted, wanted_value(spec, forced, decision.enabled));

  const std::optional<FlagValue> recorded = recorded_value(resource);
  decision.differs_from_record = recorded != decision.wanted ||
                                 status.enabled != decision.enabled ||
                                 status.overridden != decision.overridden;
  const bool newly_disabled = !decision.enabled && status.enabled;
  const bool newly_overridden = decision.overridden && !status.overridden;
  decision.rollback = recorded.has_value() && (newly_disabled || newly_overridden);
  decision.trigger = verified_already(resource) ? Trigger::kAutomatic
                     : decision.overridden      ? Trigger::kOverride
                                                : Trigger::kSpec;
  decision.plan = plan_of(decision, served);
  return decision;
}

}  // namespace ripcord
