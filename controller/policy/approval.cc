// SPDX-License-Identifier: Apache-2.0
#include "controller/policy/approval.h"

#include "controller/base/time_text.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

bool used_up(const std::optional<MigrationApproval>& approval,
             const std::optional<UsedApproval>& used) {
  return used && used->used_at && approval == static_cast<const MigrationApproval&>(*used);
}

}  // namespace

bool approval_opens(const std::optional<MigrationApproval>& approval,
                    const std::optional<UsedApproval>& used, std::int64_t version) {
  return approval && approval->version == version && !used_up(approval, used);
}

std::string why_stale(const std::optional<MigrationApproval>& approval,
                      const std::optional<UsedApproval>& used, std::int64_t version) {
  if (!approval || approval_opens(approval, used, version)) {
    return "";
  }
  if (approval->version != version) {
    return fmt::format(" (the approval names version {} and opens nothing)", approval->version);
  }
  return fmt::format(
      " (the approval of version {}{}{} was used at {} and opens nothing again: delete it, or "
      "approve anew with another spec.approval.reason)",
      approval->version, approval->by.empty() ? "" : " by ", approval->by,
      format_time(*used->used_at));
}

}  // namespace ripcord
