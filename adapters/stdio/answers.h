// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the answers to the four messages share. Pure but for DesiredState.

#include "adapters/stdio/desired_state.h"
#include "controller/codec/message.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ripcord::stdio {

// Maelstrom's code for a Status, with its message.
codec::MessageError message_error(const Status& status);

// Who asked, for spec.override.by.
std::string sender(const codec::Message& message);
// What for, for spec.override.reason.
std::string reason(std::string_view type, const codec::Message& message);

// The newest change to `to` that is on record and complete; null when there is none.
const HistoryEntry* last_change(const Resource& object, std::string_view to);

// Microseconds are enough for people, and keep virtual seconds whole.
double rounded_seconds(double seconds);

// "a, b, c".
std::string names_of(const std::vector<ResourcePtr>& objects);

// Sets the override, waits, and gives the verified object. When the controller refuses, the
// override that was there before is put back, unless somebody wrote another one meanwhile.
// `override_of` names the member; `check` may refuse what it finds.
template <class Spec, class Override>
Result<ResourcePtr> apply_override(DesiredState& state, const ObjectKey& key,
                                   const Override& wanted,
                                   const std::function<Status(const Resource&)>& check,
                                   std::stop_token stop) {
  std::optional<Override> before;
  const auto put = [&](Resource& object) -> Status {
    RETURN_IF_ERROR(not_suspended(object));
    RETURN_IF_ERROR(check(object));
    before = std::get<Spec>(object.spec).override;
    std::get<Spec>(object.spec).override = wanted;
    return ok_status();
  };
  ASSIGN_OR_RETURN(const ResourcePtr written, state.change(key, put));
  ASSIGN_OR_RETURN(ResourcePtr done, state.settled(key, written->meta.generation, stop));
  const Status outcome = verdict(*done);
  if (outcome.ok()) {
    return done;
  }
  const auto take_back = [&](Resource& object) -> Status {
    if (std::get<Spec>(object.spec).override == std::optional<Override>(wanted)) {
      std::get<Spec>(object.spec).override = before;
    }
    return ok_status();
  };
  if (const Result<ResourcePtr> undone = state.change(key, take_back); !undone) {
    return error(
        StatusCode::kDeadlineExceeded,
        outcome.message() + "; the override could not be taken back: " + undone.error().message());
  }
  return tl::unexpected(outcome);
}

}  // namespace ripcord::stdio
