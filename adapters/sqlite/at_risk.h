// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counts what migrations would destroy in a SQLite database. A thing that cannot be counted in
// `patience` is told by the rowids of its table, as "at most".

#include "adapters/sqlite/connection.h"
#include "controller/model/schema_state.h"

#include <vector>

namespace ripcord::sqlite {

inline constexpr auto kCountTime = std::chrono::seconds(10);

// One entry a loss, in order.
Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const Clock& clock, const std::stop_token& stop,
                                              Duration patience = kCountTime);

}  // namespace ripcord::sqlite
