// SPDX-License-Identifier: Apache-2.0
// What is checked of expand, migrate and contract: transitions, the window of versions, the
// archive.
#include "controller/model/validation_rules.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::hours;

constexpr std::int64_t kMaxVersion = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMaxTransitions = 16;
constexpr std::size_t kMaxValidations = 16;
constexpr std::size_t kMaxTable = 128;
constexpr std::size_t kMaxColumn = 63;
constexpr std::size_t kMaxExpression = 4096;
constexpr std::size_t kMaxQuery = 16 * 1024;
constexpr std::size_t kMaxPattern = 1024;
constexpr std::int32_t kMaxBatch = 1'000'000;

void needed(const std::string& path, const std::string& value, std::size_t limit,
            const std::string& missing, FieldErrors& errors) {
  if (value.empty()) {
    errors.add(path, missing);
  }
  errors.text(path, value, limit);
}

void check_name(const std::string& path, const std::string& name, FieldErrors& errors) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.empty() || name.size() > 40 || !std::all_of(name.begin(), name.end(), plain) ||
      name.front() == '-' || name.back() == '-') {
    errors.add(path, "must have 1 to 40 lower case letters, digits and '-', e.g. email");
  }
}

void check_sync(const std::string& path, const TransitionSync& sync, FieldErrors& errors) {
  needed(path + ".table", sync.table, kMaxTable, "is missing; write the table, e.g. users", errors);
  needed(path + ".old", sync.old_column, kMaxColumn,
         "is missing; write the column of the old shape, e.g. email", errors);
  errors.text(path + ".new", sync.new_column, kMaxColumn);
  if (sync.new_column.empty() || sync.new_column == sync.old_column) {
    errors.add(path + ".new", "must be the column of the new shape, another one than old");
  }
  errors.text(path + ".toNew", sync.to_new, kMaxExpression);
  errors.text(path + ".toOld", sync.to_old, kMaxExpression);
}

void check_backfill(const std::string& path, const TransitionBackfill& fill, FieldErrors& errors) {
  needed(path + ".table", fill.table, kMaxTable, "is missing; write the table, e.g. users", errors);
  needed(path + ".set", fill.set, kMaxExpression,
         "is missing; write what UPDATE sets, e.g. address = email", errors);
  errors.text(path + ".where", fill.where, kMaxExpression);
  needed(path + ".key", fill.key, kMaxColumn, "is missing; write a unique column, e.g. id", errors);
  errors.range(path + ".batchSize", fill.batch_size, 1, kMaxBatch);
  errors.duration(path + ".maxLag", fill.max_lag, Duration::zero(), hours(1));
  errors.duration(path + ".pause", fill.pause, Duration::zero(), hours(1));
}

void check_validation(const std::string& path, const TransitionValidation& validation,
                      FieldErrors& errors) {
  const bool query = !validation.query.empty();
  const int given =
      (validation.not_null ? 1 : 0) + (validation.pattern.empty() ? 0 : 1) + (query ? 1 : 0);
  if (given != 1) {
    errors.add(path, "write exactly one of notNull, pattern and query");
  }
  if (!query && (validation.table.empty() || validation.column.empty())) {
    errors.add(path, "needs table and column, unless it is a query");
  }
  if (query && !validation.min && !validation.max) {
    errors.add(path, "checks nothing; write min, max or both");
  }
  if (validation.min && validation.max && *validation.min > *validation.max) {
    errors.add(path + ".min",
               fmt::format("{} is above max {}; swap them", *validation.min, *validation.max));
  }
  errors.text(path + ".table", validation.table, kMaxTable);
  errors.text(path + ".column", validation.column, kMaxColumn);
  errors.text(path + ".pattern", validation.pattern, kMaxPattern);
  errors.text(path + ".query", validation.query, kMaxQuery);
}

void check_transition(const std::string& path, const Transition& transition, FieldErrors& errors) {
  check_name(path + ".name", transition.name, errors);
  errors.range(path + ".expand", transition.expand, 0, kMaxVersion);
  if (transition.contract) {
    errors.range(path + ".contract", *transition.contract, 0, kMaxVersion);
    if (*transition.contract <= transition.expand) {
      errors.add(path + ".contract", "must be above expand");
    }
  }
  if (!transition.sync && !transition.backfill && transition.validations.empty()) {
    errors.add(path, "does nothing; write sync, backfill or validations");
  }
  if (transition.sync) {
    check_sync(path + ".sync", *transition.sync, errors);
  }
  if (transition.backfill) {
    check_backfill(path + ".backfill", *transition.backfill, errors);
  }
  errors.at_most(path + ".validations", transition.validations.size(), kMaxValidations);
  for (std::size_t i = 0; i < std::min(transition.validations.size(), kMaxValidations); ++i) {
    check_validation(fmt::format("{}.validations[{}]", path, i), transition.validations[i], errors);
  }
}

void check_range(const SchemaRange& range, FieldErrors& errors) {
  errors.range("spec.schemaRange.min", range.min.value_or(0), 0, kMaxVersion);
  errors.range("spec.schemaRange.max", range.max.value_or(0), 0, kMaxVersion);
  if (range.min && range.max && *range.min > *range.max) {
    errors.add("spec.schemaRange.min",
               fmt::format("{} is above max {}; swap them", *range.min, *range.max));
  }
}

}  // namespace

void check_transitions(const MigrationVersionSpec& spec, FieldErrors& errors) {
  errors.duration("spec.policy.contractSoak", spec.policy.contract_soak, Duration::zero(),
                  hours(24 * 366));
  if (spec.policy.archive) {
    needed("spec.policy.archive.directory", spec.policy.archive->directory, kMaxPathBytes,
           "is missing; write where to, e.g. /var/lib/ripcord/archive", errors);
    if (spec.policy.archive->format == ArchiveFormat::kCopyBinary &&
        spec.database.engine != Engine::kPostgreSql) {
      errors.add("spec.policy.archive.format",
                 "copy-binary belongs to engine PostgreSQL; write csv");
    }
  }
  if (spec.schema_range) {
    check_range(*spec.schema_range, errors);
  }
  errors.at_most("spec.transitions", spec.transitions.size(), kMaxTransitions);
  std::set<std::string> names;
  for (std::size_t i = 0; i < std::min(spec.transitions.size(), kMaxTransitions); ++i) {
    const std::string path = fmt::format("spec.transitions[{}]", i);
    check_transition(path, spec.transitions[i], errors);
    if (!names.insert(spec.transitions[i].name).second) {
      errors.add(path + ".name", "is there twice; each name once");
    }
  }
}

}  // namespace ripcord
