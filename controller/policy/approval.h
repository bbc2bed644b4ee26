// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether spec.approval opens a version: it names exactly that one, and was not used up. Pure.

#include "controller/model/migration_version.h"

#include <optional>
#include <string>

namespace ripcord {

// `approval` opens `version`; `used` as the status keeps it.
bool approval_opens(const std::optional<MigrationApproval>& approval,
                    const std::optional<UsedApproval>& used, std::int64_t version);

// Why an approval that is there does not open `version`, in parentheses and with a space in front;
// empty when there is none, or it opens.
std::string why_stale(const std::optional<MigrationApproval>& approval,
                      const std::optional<UsedApproval>& used, std::int64_t version);

}  // namespace ripcord
