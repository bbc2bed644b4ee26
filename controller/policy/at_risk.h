// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a way down destroys: which losses are to be counted and copied before it runs, and how that
// is told. Pure.

#include "controller/policy/migration_version.h"

#include <string>
#include <vector>

namespace ripcord {

inline constexpr std::size_t kMaxAtRisk = 50;

// Of every down that has not begun, each thing once, at most kMaxAtRisk.
std::vector<LossAtRisk> losses_of(const MigrationPath& path);

// "At risk: column users.email: 12 rows, ...; table orders: ...". Empty for none.
std::string describe(const std::vector<DataAtRisk>& at_risk);

// Makes each losing step of `decision`, which was made of `path`, copy what it destroys into a
// folder of its own, `<stem>-down-<version>`, and says in `at_risk` to which file; of what is lost
// by foreign keys, which the driver finds again when it copies, to which folder. One that had
// begun before is left out: what it had to copy, it has.
void order_archives(const ArchivePolicy& policy, const std::string& stem, const MigrationPath& path,
                    MigrationDecision& decision, std::vector<DataAtRisk>& at_risk);

}  // namespace ripcord
