// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a statement is by its parse tree alone: whether it can be run again after it has taken
// effect, and whether it only drops. Pure. `statement` is the child of a "stmt" wrapper.

#include "adapters/pgquery/tree.h"

#include <string>

namespace ripcord::pgquery {

// Empty when it can: it asks first (IF NOT EXISTS), replaces (OR REPLACE), or comes to the same end
// by itself. Else what to write instead.
std::string why_only_once(Node statement);

// DROP TABLE, or ALTER TABLE with nothing but DROP COLUMN; no CASCADE. Not with a dot within a
// name, which would read as a schema's.
bool only_drops(Node statement);

}  // namespace ripcord::pgquery
