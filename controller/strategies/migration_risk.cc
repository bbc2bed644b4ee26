// SPDX-License-Identifier: Apache-2.0
#include "controller/strategies/migration_risk.h"

#include "controller/base/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

bool same_things(const std::vector<LossAtRisk>& losses, const std::vector<DataAtRisk>& known) {
  const auto named = std::find_if(known.begin(), known.end(), is_by_foreign_key);
  return std::equal(losses.begin(), losses.end(), known.begin(), named,
                    [](const LossAtRisk& loss, const DataAtRisk& risk) {
                      return loss.version == risk.version && risk.archive.empty() &&
                             risk.what == (loss.unknown.empty() ? to_string(loss.loss) : "unknown");
                    });
}

}  // namespace

Status count_risk(SchemaDatabase& database, const MigrationPath& path, bool known_is_fresh,
                  MigrationVersionStatus& status, const std::stop_token& stop) {
  if (path.moves.empty()) {
    return {};
  }
  const std::vector<LossAtRisk> losses = losses_of(path);
  if (losses.empty()) {
    status.at_risk.clear();
    return {};
  }
  if (known_is_fresh && same_things(losses, status.at_risk)) {
    return {};
  }
  ASSIGN_OR_RETURN(status.at_risk, database.count(losses, stop));
  if (status.at_risk.size() > kMaxAtRisk) {
    status.at_risk.resize(kMaxAtRisk);
  }
  return {};
}

std::string archive_stem(const ArchivePolicy& policy, const ObjectKey& key, WallTime began) {
  std::string time = format_time(began);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}/{}.{}-{}", policy.directory, key.ns, key.name, time);
}

}  // namespace ripcord
