// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/answers.h"
#include "adapters/stdio/message_adapter.h"
#include "adapters/stdio/object_names.h"

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

// What "instant" promises: the change was verified this soon after it was decided.
constexpr double kInstantSeconds = 1;

std::string_view key_of(const Resource& object) {
  const auto& spec = std::get<FeatureFlagSpec>(object.spec);
  return spec.key.empty() ? std::string_view(object.meta.name) : std::string_view(spec.key);
}

ResourcePtr flag_with_key(const ObjectList& list, std::string_view feature) {
  for (const ResourcePtr& object : list.items) {
    if (key_of(*object) == feature) {
      return object;
    }
  }
  return nullptr;
}

bool is_instant(const Resource& object) {
  const auto& history = common(object.status).history;
  return history.empty() || history.front().duration_seconds < kInstantSeconds;
}

Result<ResourcePtr> create_flag(DesiredState& state, const MessageSettings& settings,
                                const std::string& feature) {
  if (!settings.new_flag) {
    return error(StatusCode::kNotFound,
                 fmt::format("no FeatureFlag has the key {}; declare it first",
                             codec::string_text(feature)));
  }
  Resource object = make_resource(Kind::kFeatureFlag, object_name(feature), settings.ns);
  FeatureFlagSpec spec = *settings.new_flag;
  spec.key = feature;
  object.spec = spec;
  return state.store().create(object);
}

}  // namespace

MessageAdapter::Answer MessageAdapter::answer_feature(const codec::DisableFeatureMessage& request,
                                                      const codec::Message& message,
                                                      std::stop_token stop) {
  // Looked up by the name that most flags have first: a list of ten thousand takes its time.
  const ObjectKey likely{Kind::kFeatureFlag, settings_.ns, object_name(request.feature)};
  Result<ResourcePtr> object = state_.store().get(likely);
  if (!object || key_of(**object) != request.feature) {
    ASSIGN_OR_RETURN(const ObjectList list, state_.store().list(Kind::kFeatureFlag, settings_.ns));
    object = flag_with_key(list, request.feature);
  }
  if (*object == nullptr) {
    object = create_flag(state_, settings_, request.feature);
  }
  if (!object) {
    return tl::unexpected(object.error());
  }
  FeatureFlagOverride wanted;
  wanted.enabled = false;
  wanted.by = sender(message);
  wanted.reason = reason("disable_feature", message);
  const auto check = [](const Resource&) { return ok_status(); };
  ASSIGN_OR_RETURN(const ResourcePtr done, (apply_override<FeatureFlagSpec>(
                                               state_, (*object)->key(), wanted, check, stop)));
  if (std::get<FeatureFlagStatus>(done->status).enabled) {
    return error(StatusCode::kInternal,
                 fmt::format("{} is ready but still enabled", to_string(done->key())));
  }
  return codec::Reply{"feature_disabled",
                      {{"feature", request.feature}, {"rolled_back_instant", is_instant(*done)}}};
}

}  // namespace ripcord::stdio
