// SPDX-License-Identifier: Apache-2.0
#include "controller/model/restore_request.h"

namespace ripcord {

std::string_view to_string(RestorePhase phase) {
  switch (phase) {
    case RestorePhase::kPending:
      return "Pending";
    case RestorePhase::kLoading:
      return "Loading";
    case RestorePhase::kVerifying:
      return "Verifying";
    case RestorePhase::kSwapping:
      return "Swapping";
    case RestorePhase::kCompleted:
      return "Completed";
    case RestorePhase::kFailed:
      return "Failed";
    case RestorePhase::kReverting:
      return "Reverting";
    case RestorePhase::kReverted:
      return "Reverted";
  }
  return "Unknown";
}

}  // namespace ripcord
