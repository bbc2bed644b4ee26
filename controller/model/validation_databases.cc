// SPDX-License-Identifier: Apache-2.0
#include "controller/base/cron.h"
#include "controller/model/validation_rules.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::int64_t kMaxVersion = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMaxInline = 1000;
constexpr std::size_t kMaxQueries = 64;

void check_inline(const std::vector<Migration>& migrations, FieldErrors& errors) {
  errors.at_most("spec.source.inline", migrations.size(), kMaxInline);
  std::set<std::int64_t> versions;
  for (std::size_t i = 0; i < std::min(migrations.size(), kMaxInline); ++i) {
    const Migration& migration = migrations[i];
    const std::string path = fmt::format("spec.source.inline[{}]", i);
    errors.range(path + ".version", migration.version, 0, kMaxVersion);
    if (!versions.insert(migration.version).second) {
      errors.add(path + ".version",
                 fmt::format("{} is there twice; each version once", migration.version));
    }
    const bool plain = std::all_of(migration.name.begin(), migration.name.end(), [](char c) {
      return static_cast<unsigned char>(c) >= ' ' && c != '/';
    });
    if (migration.name.empty() || migration.name.size() > 128 || !plain) {
      errors.add(path + ".name", "must have 1 to 128 bytes without '/', e.g. add_total");
    }
    if (!migration.up && !migration.down) {
      errors.add(path, "has neither up nor down; write the SQL of at least one");
    }
  }
}

void check_source(const MigrationSourceRef& source, FieldErrors& errors) {
  const int given = (source.directory.empty() ? 0 : 1) +
                    (source.inline_migrations.empty() ? 0 : 1) + (source.config_map ? 1 : 0);
  if (given != 1) {
    errors.add("spec.source", given == 0
                                  ? "is missing; write `source: {directory: ./migrations}`, inline "
                                    "migrations or `source: {configMapRef: {name: NAME}}`"
                                  : "write only one of directory, inline and configMapRef");
  }
  if (source.config_map) {
    check_object_name("spec.source.configMapRef.name", source.config_map->name, errors);
  }
  errors.text("spec.source.directory", source.directory, kMaxPathBytes);
  check_inline(source.inline_migrations, errors);
}

// One name of the catalog: no path may leave it.
void check_backup(const std::string& path, const std::string& name, FieldErrors& errors) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7F && c != '/' && c != '\\';
  });
  if (name.empty() || name.size() > 255 || !plain || name.front() == '.' || name.front() == '-' ||
      name.find("..") != std::string::npos) {
    errors.add(path,
               "must be the name of a backup in the catalog: 1 to 255 bytes without '/', '..' and "
               "white space, not starting with '.' or '-', e.g. users_backup_20240115");
  }
}

void check_drill(const RestoreRequestSpec& spec, FieldErrors& errors) {
  const bool drill = spec.mode == RestoreMode::kDrill;
  if (!spec.schedule.empty()) {
    const Result<CronSchedule> schedule = CronSchedule::parse(spec.schedule);
    if (!schedule) {
      errors.add("spec.schedule", schedule.error().message());
    }
    if (!drill) {
      errors.add("spec.schedule", "belongs to mode Drill; a Swap is done once");
    }
  }
  if (!drill && spec.backup == "Latest") {
    errors.add("spec.backup", "Latest is for mode Drill; a Swap names its backup");
  }
  if (!drill && spec.targets != RestoreTargets{}) {
    errors.add("spec.targets", "belongs to mode Drill");
  }
  if (drill && spec.revert) {
    errors.add("spec.revert", "belongs to mode Swap; a drill swaps nothing");
  }
  if (spec.targets.rto) {
    errors.duration("spec.targets.rto", *spec.targets.rto, milliseconds(1), hours(24 * 366));
  }
  if (spec.targets.rpo) {
    errors.duration("spec.targets.rpo", *spec.targets.rpo, milliseconds(1), hours(24 * 366));
  }
}

void check_admin_url(const PgBouncerRef& pooler, FieldErrors& errors) {
  const std::string path = "spec.pgbouncer";
  errors.text(path + ".adminUrlFrom.file", pooler.admin_url_file, kMaxPathBytes);
  if (!pooler.admin_url_env.empty() && !is_environment_name(pooler.admin_url_env)) {
    errors.add(path + ".adminUrlFrom.env",
               "must be the name of an environment variable (letters, digits and '_'), e.g. "
               "PGBOUNCER_ADMIN_URL");
  }
  if (pooler.admin_url_env.empty() == pooler.admin_url_file.empty()) {
    errors.add(path, "needs exactly one of adminUrlFrom.env and adminUrlFrom.file");
  }
}

}  // namespace

void check(const MigrationVersionSpec& spec, FieldErrors& errors) {
  check_database(spec.database, errors);
  check_source(spec.source, errors);
  if (spec.version) {
    errors.range("spec.version", *spec.version, 0, kMaxVersion);
  }
  errors.duration("spec.policy.lockTimeout", spec.policy.lock_timeout, milliseconds(1), hours(1));
  errors.duration("spec.policy.statementTimeout", spec.policy.statement_timeout, Duration::zero(),
                  hours(168));
  const MigrationPolicy& policy = spec.policy;
  errors.text("spec.policy.shadowUrlFrom.file", policy.shadow_url_file, kMaxPathBytes);
  if (!policy.shadow_url_env.empty() && !is_environment_name(policy.shadow_url_env)) {
    errors.add("spec.policy.shadowUrlFrom.env",
               "must be the name of an environment variable (letters, digits and '_'), e.g. "
               "SHADOW_DATABASE_URL");
  }
  if (!policy.shadow_url_env.empty() && !policy.shadow_url_file.empty()) {
    errors.add("spec.policy.shadowUrlFrom", "write env or file, not both");
  }
  check_transitions(spec, errors);
  if (spec.approval) {
    errors.range("spec.approval.version", spec.approval->version, 0, kMaxVersion);
    errors.text("spec.approval.by", spec.approval->by, 256);
    errors.text("spec.approval.reason", spec.approval->reason, kMaxReasonBytes);
  }
  if (spec.override) {
    errors.range("spec.override.version", spec.override->version, 0, kMaxVersion);
    check_override(*spec.override, errors);
  }
}

void check(const RestoreRequestSpec& spec, FieldErrors& errors) {
  check_database(spec.database, errors);
  check_backup("spec.backup", spec.backup, errors);
  errors.text("spec.catalog.directory", spec.catalog_directory, kMaxPathBytes);
  if (spec.catalog_directory.empty() && spec.database.engine != Engine::kSimulation) {
    errors.add("spec.catalog.directory", "is missing; write where the backups are, e.g. ./backups");
  }
  if (spec.approval) {
    check_backup("spec.approval.backup", spec.approval->backup, errors);
    errors.text("spec.approval.by", spec.approval->by, 256);
  }
  const RestoreVerification& verification = spec.verification;
  errors.range("spec.verification.minRows", verification.min_rows, 0, kMaxVersion);
  errors.at_most("spec.verification.queries", verification.queries.size(), kMaxQueries);
  for (std::size_t i = 0; i < std::min(verification.queries.size(), kMaxQueries); ++i) {
    const RestoreQuery& query = verification.queries[i];
    const std::string path = fmt::format("spec.verification.queries[{}]", i);
    if (query.sql.find_first_not_of(" \t\r\n;") == std::string::npos) {
      errors.add(path + ".sql", "is empty; write one that gives one number, e.g. select count(*)");
    }
    errors.text(path + ".sql", query.sql, 16 * 1024);
    if (query.min && query.max && *query.min > *query.max) {
      errors.add(path + ".min",
                 fmt::format("{} is above max {}; swap them", *query.min, *query.max));
    }
    if (!query.min && !query.max) {
      errors.add(path, "checks nothing; write min, max or both");
    }
  }
  check_drill(spec, errors);
  const bool postgres = spec.database.engine == Engine::kPostgreSql;
  if (spec.swap_by == RestoreUnit::kSchema && !postgres) {
    errors.add(
        "spec.swapBy",
        "Schema belongs to engine PostgreSQL; SQLite and Simulation swap the whole database");
  }
  if (spec.pgbouncer) {
    check_admin_url(*spec.pgbouncer, errors);
    if (!postgres) {
      errors.add("spec.pgbouncer", "belongs to engine PostgreSQL");
    }
  }
  errors.duration("spec.keepPrevious", spec.keep_previous, Duration::zero(), hours(24 * 366));
}

}  // namespace ripcord
