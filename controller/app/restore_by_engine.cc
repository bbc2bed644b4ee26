// SPDX-License-Identifier: Apache-2.0
#include "controller/app/restore_by_engine.h"

#include <fmt/format.h>

namespace ripcord::app {

Result<OpenedRestore> RestoreByEngine::open(const RestoreOrder& order) {
  const auto found = engines_.find(order.database.engine);
  if (found == engines_.end()) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.database.engine: {} is not available in this process",
                             to_string(order.database.engine)),
                 "EngineUnavailable");
  }
  return found->second->open(order);
}

}  // namespace ripcord::app
