// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which migrations expand and which contract: what the author declared, else what the inspector
// found. A declared Expand is held to its word. Pure.

#include "controller/base/status.h"
#include "controller/model/migration_phase.h"
#include "controller/model/schema_state.h"
#include "controller/policy/plan.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord {

// InvalidArgument (reason BadPhase) with the line: a word that is none, or two that differ.
Result<std::optional<MigrationPhase>> declared_phase(const std::vector<PhaseMark>& marks);

// All additive: Expand. Loses data or breaks the previous release: Contract. Else neither.
std::optional<MigrationPhase> inferred_phase(const std::vector<SqlStatement>& statements);

// Why a script that is declared Expand is none: reason NotAdditive or NotIdempotent, the message
// without the file's name.
struct ExpandFault {
  std::string reason;
  std::int32_t line = 1;
  std::string message;
};
std::optional<ExpandFault> expand_fault(const std::vector<SqlStatement>& statements);

// "drop column users.email" and what else a contract takes away, for people; bounded.
std::string what_it_removes(const std::vector<SqlStatement>& statements);

}  // namespace ripcord
