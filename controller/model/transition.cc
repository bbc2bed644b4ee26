// SPDX-License-Identifier: Apache-2.0
#include "controller/model/transition.h"

namespace ripcord {

std::string_view to_string(TransitionPhase phase) {
  switch (phase) {
    case TransitionPhase::kWaiting:
      return "Waiting";
    case TransitionPhase::kBackfilling:
      return "Backfilling";
    case TransitionPhase::kValidating:
      return "Validating";
    case TransitionPhase::kComplete:
      return "Complete";
    case TransitionPhase::kContracted:
      return "Contracted";
    case TransitionPhase::kFailed:
      return "Failed";
  }
  return "Waiting";
}

}  // namespace ripcord
