// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counts what migrations would destroy in a PostgreSQL database. Takes no lock but that of reading;
// a table that cannot be counted in `patience` is told by the server's own estimate.

#include "adapters/postgres/connection.h"
#include "controller/model/schema_state.h"

#include <vector>

namespace ripcord::postgres {

inline constexpr auto kCountTime = std::chrono::seconds(10);

// One entry a loss, in order; then one for each foreign key that takes something along. Fails only
// when the connection does.
Result<std::vector<DataAtRisk>> count_at_risk(Connection& connection,
                                              const std::vector<LossAtRisk>& losses,
                                              const std::stop_token& stop,
                                              Duration patience = kCountTime);

}  // namespace ripcord::postgres
