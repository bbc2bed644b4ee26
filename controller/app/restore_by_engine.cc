// SPDX-License-Identifier: Apache-2.0
#include "controller/app/restore_by_engine.h"

#include <fmt/format.h>

namespace ripcord::app {

Result<OpenedRestore> RestoreByEngine::open(const DatabaseRef& ref,
                                            const std::string& request_uid) {
  const auto found = engines_.find(ref.engine);
  if (found == engines_.end()) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.database.engine: {} is not available in this process",
                             to_string(ref.engine)),
                 "EngineUnavailable");
  }
  return found->second->open(ref, request_uid);
}

}  // namespace ripcord::app
