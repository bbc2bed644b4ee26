// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/flag_sinks.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

std::string list_of(const std::vector<FlagSink>& sinks) {
  std::string text;
  for (const FlagSink& sink : sinks) {
    text += fmt::format("{}key {} of ConfigMap {}", text.empty() ? "" : ", ", sink.config_map.key,
                        sink.config_map.name);
  }
  return text;
}

void set(Resource& object, ConditionState state, std::string reason, std::string message,
         WallTime now) {
  common(object.status)
      .conditions.set({std::string(kSinksWritten),
                       state,
                       std::move(reason),
                       std::move(message),
                       object.meta.generation,
                       {}},
                      now);
}

void show_written(Resource& object, const std::vector<FlagSink>& sinks, WallTime now) {
  std::get<FeatureFlagStatus>(object.status).sinks = sinks;
  if (sinks.empty()) {
    common(object.status).conditions.remove(kSinksWritten);
  } else {
    set(object, ConditionState::kTrue, "Written", "the flag is in " + list_of(sinks), now);
  }
}

// Until all of it is done, entries may be in the old places and in the new ones.
void show_places(FeatureFlagStatus& status, const std::vector<FlagSink>& sinks) {
  for (const FlagSink& sink : sinks) {
    if (std::ranges::find(status.sinks, sink) == status.sinks.end()) {
      status.sinks.push_back(sink);
    }
  }
}

}  // namespace

bool has_sinks(const Resource& object) {
  return !std::get<FeatureFlagSpec>(object.spec).sinks.empty() ||
         !std::get<FeatureFlagStatus>(object.status).sinks.empty();
}

void want_sinks(FlagSinkWriter* writer, const Resource& object, const FlagValue* wanted,
                std::optional<MonoTime> written) {
  const auto& spec = std::get<FeatureFlagSpec>(object.spec);
  const auto& status = std::get<FeatureFlagStatus>(object.status);
  if (writer == nullptr) {
    return;
  }
  FlagSinkWant want;
  want.former = status.sinks;
  if (wanted != nullptr) {
    want.sinks = spec.sinks;
    want.key = flag_key(object);
    want.entry = file_entry(spec, *wanted);
    want.written = written;
  }
  writer->want(object.key(), std::move(want));
}

void show_sinks(const FlagSinkWriter* writer, Resource& object, bool wanted, WallTime now) {
  const std::vector<FlagSink> sinks =
      wanted ? std::get<FeatureFlagSpec>(object.spec).sinks : std::vector<FlagSink>{};
  if (writer == nullptr) {
    if (sinks.empty()) {
      show_written(object, {}, now);
      return;
    }
    set(object, ConditionState::kFalse, "OnlyOnKubernetes",
        "only on Kubernetes: a sink configMap needs a cluster; run ripcord with --in-cluster or "
        "--kubeconfig, or remove spec.sinks and let clients ask this process over OFREP",
        now);
    return;
  }
  const FlagSinkState state = writer->state(object.key());
  if (state.phase == FlagSinkState::Phase::kWritten) {
    show_written(object, sinks, now);
    return;
  }
  show_places(std::get<FeatureFlagStatus>(object.status), sinks);
  if (state.phase == FlagSinkState::Phase::kFailed) {
    set(object, ConditionState::kFalse, state.problem.reason(), state.problem.message(), now);
  } else if (state.phase == FlagSinkState::Phase::kWriting ||
             common(object.status).conditions.find(kSinksWritten) == nullptr) {
    set(object, ConditionState::kFalse, "Writing",
        sinks.empty() ? "the flag is being removed from where it was written"
                      : "the flag is being written to " + list_of(sinks),
        now);
  }
}

}  // namespace ripcord
