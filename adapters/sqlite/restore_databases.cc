// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/restore_databases.h"

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/contents.h"
#include "adapters/sqlite/restore_load.h"
#include "adapters/sqlite/restore_site.h"
#include "adapters/sqlite/restore_swap.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

Result<std::int64_t> one_number(const Rows& rows) {
  std::int64_t number = 0;
  const bool one = rows.rows.size() == 1 && rows.rows[0].size() == 1 && rows.rows[0][0];
  const std::string text = one ? *rows.rows[0][0] : "";
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!one || failure != std::errc{} || end != text.data() + text.size()) {
    return error(StatusCode::kFailedPrecondition,
                 "a verification query must give one row with one whole number",
                 "BadVerificationQuery");
  }
  return number;
}

// Ours, and golang-migrate's version table: they say nothing about the contents of a backup.
constexpr std::string_view kBookkeeping =
    "(lower(name) in ('ripcord_applied', 'ripcord_journal', 'ripcord_tombstones', "
    "'ripcord_transitions') or lower(name) = 'schema_migrations' "
    "and (select group_concat(lower(column), ' ') from (select i.name as column from "
    "pragma_table_info('schema_migrations') i order by 1)) = 'dirty version')";

// In one snapshot.
Result<std::vector<std::string>> begin_and_list(Connection& connection,
                                                const std::stop_token& stop) {
  RETURN_IF_ERROR(connection.execute("begin"));
  ASSIGN_OR_RETURN(const Rows tables,
                   connection.query("select name from pragma_table_list where schema = 'main' "
                                    "and type = 'table' and name not like 'sqlite\\_%' escape "
                                    "'\\' and not " +
                                        std::string(kBookkeeping) + " order by name",
                                    {}, stop));
  std::vector<std::string> names;
  for (const auto& row : tables.rows) {
    names.push_back(row.at(0).value_or(""));
  }
  return names;
}

Result<std::int64_t> count_one(Connection& connection, const std::string& table,
                               const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const Rows counted,
                   connection.query("select count(*) from " + quoted_name(table), {}, stop));
  return one_number(counted);
}

Result<std::vector<TableRows>> count_tables(Connection& connection, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, begin_and_list(connection, stop));
  std::vector<TableRows> counts;
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(const std::int64_t rows, count_one(connection, table, stop));
    counts.push_back({table, rows});
  }
  return counts;
}

Result<LiveRows> count_what_can_be(Connection& connection, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, begin_and_list(connection, stop));
  LiveRows found;
  for (const std::string& table : tables) {
    const Result<std::int64_t> rows = count_one(connection, table, stop);
    if (rows) {
      found.counted.push_back({table, *rows});
    } else {
      found.uncounted.push_back({table, stop.stop_requested() ? "there was no time to count it"
                                                              : rows.error().message()});
    }
  }
  return found;
}

Result<Connection> open_restored(const RestoreSite& site) {
  ASSIGN_OR_RETURN(const std::optional<RestoreJournal> journal, read_journal(site));
  const bool live = journal && (journal->stage == "swapped" || journal->revert_begun());
  return Connection::open(live ? site.files.live : site.files.side, OpenMode::kReadOnly);
}

class Target final : public RestoreTarget {
 public:
  Target(RestoreSite site, Duration query_timeout)
      : site_(std::move(site)), query_timeout_(query_timeout) {}

  Result<RestoreState> read() override {
    ASSIGN_OR_RETURN(const std::optional<RestoreJournal> journal, read_journal(site_));
    RestoreState state;
    state.side_exists = file_exists(site_.files.side);
    state.side_name = site_.files.side;
    state.previous_name = file_exists(site_.files.previous) ? site_.files.previous : "";
    if (journal) {
      state.backup = journal->backup;
      state.revert_interrupted =
          journal->revert_begun() || (journal->stage == "reverted" && !state.previous_name.empty());
      state.reverted = journal->stage == "reverted" && !state.revert_interrupted;
      state.swapped = journal->stage == "swapped" || state.revert_interrupted;
      state.swap_interrupted =
          journal->swap_begun() || (journal->stage == "swapped" && state.side_exists);
      state.side_complete =
          state.side_exists && !state.swapped && !state.reverted && journal->stage != "loading";
    }
    state.side_bytes = file_bytes(state.swapped ? site_.files.live : site_.files.side);
    return state;
  }

  Status load(const Backup& backup, std::stop_token stop) override {
    ASSIGN_OR_RETURN(const std::optional<RestoreJournal> journal, read_journal(site_));
    if (journal && journal->stage != "loading" && journal->stage != "loaded") {
      return {StatusCode::kFailedPrecondition, "the swap of this restore has begun already",
              "AlreadySwapped"};
    }
    return load_side(site_, backup, stop);
  }

  Result<std::vector<TableRows>> count(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, open_restored(site_));
    return count_tables(connection, stop);
  }

  Result<std::int64_t> query(const std::string& sql, std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, open_restored(site_));
    RETURN_IF_ERROR(connection.execute("pragma query_only = on"));
    connection.limit({site_.clock, site_.clock->now() + query_timeout_, 1000});
    ASSIGN_OR_RETURN(const Rows rows, connection.query(sql, {}, stop));
    return one_number(rows);
  }

  Result<SwapReport> swap(std::stop_token stop) override { return swap_files(site_, stop); }

 private:
  const RestoreSite site_;
  const Duration query_timeout_;
};

class Leftovers final : public RestoreLeftovers {
 public:
  explicit Leftovers(RestoreSite site) : site_(std::move(site)) {}

  Status drop_side() override {
    ASSIGN_OR_RETURN(const std::optional<RestoreJournal> journal, read_journal(site_));
    if (journal && (journal->swap_begun() || journal->revert_begun())) {
      return {StatusCode::kFailedPrecondition, "not dropping the side: its swap has begun",
              "SwapInterrupted"};
    }
    // The journal first: a crash in between leaves the side, which is found and dropped again.
    if (journal && journal->stage != "swapped") {
      RETURN_IF_ERROR(remove_journal());
    }
    trace_point(site_.trace, "before drop");
    RETURN_IF_ERROR(remove_database(site_.files.side));
    trace_point(site_.trace, "after drop");
    return {};
  }

  Status drop_previous() override {
    if (!file_exists(site_.files.live)) {
      return {StatusCode::kFailedPrecondition,
              fmt::format("not dropping {}: there is no {}, so it may be all that is left",
                          site_.files.previous, site_.files.live),
              "LiveDatabaseMissing"};
    }
    RETURN_IF_ERROR(tell_overtaken());
    trace_point(site_.trace, "before drop");
    RETURN_IF_ERROR(remove_database(site_.files.previous));
    trace_point(site_.trace, "after drop");
    return remove_journal();
  }

 private:
  // With our journal goes the knowledge that earlier swaps of other requests are not the last one.
  Status tell_overtaken() {
    ASSIGN_OR_RETURN(const std::optional<RestoreJournal> ours, read_journal(site_));
    if (!ours || ours->stage != "swapped") {
      return {};
    }
    ASSIGN_OR_RETURN(const std::vector<RestoreJournal> all, swapped_journals(site_));
    for (RestoreJournal journal : all) {
      if (journal.swap_number < ours->swap_number && !journal.overtaken) {
        journal.overtaken = true;
        RETURN_IF_ERROR(write_journal(site_of(site_, journal.uid), journal));
      }
    }
    return {};
  }

  Status remove_journal() {
    trace_point(site_.trace, "before remove journal");
    RETURN_IF_ERROR(remove_database(site_.files.journal));
    trace_point(site_.trace, "after remove journal");
    return sync_directory_of(site_.files.journal);
  }

  const RestoreSite site_;
};

class Checks final : public RestoreChecks {
 public:
  explicit Checks(RestoreSite site) : site_(std::move(site)) {}

  // What a file needs of SQLite is in the file; room is looked at by the load itself.
  Status preflight(const Backup&, std::stop_token) override { return {}; }
  Result<SurveyedDatabase> survey(std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, open_restored(site_));
    ASSIGN_OR_RETURN(DatabaseContents contents, sqlite::survey(connection, stop));
    return SurveyedDatabase{std::move(contents), 0};
  }
  Result<LiveRows> count_live(std::stop_token stop) override {
    if (file_bytes(site_.files.live) == 0) {
      return LiveRows{};
    }
    ASSIGN_OR_RETURN(Connection connection,
                     Connection::open(site_.files.live, OpenMode::kReadOnly));
    return count_what_can_be(connection, stop);
  }
  Result<SurveyedDatabase> survey_live(std::stop_token stop) override {
    if (file_bytes(site_.files.live) == 0) {
      return SurveyedDatabase{};
    }
    ASSIGN_OR_RETURN(Connection connection,
                     Connection::open(site_.files.live, OpenMode::kReadOnly));
    ASSIGN_OR_RETURN(DatabaseContents contents, sqlite::survey(connection, stop));
    return SurveyedDatabase{std::move(contents), 0};
  }

 private:
  const RestoreSite site_;
};

class Reverse final : public RestoreReverse {
 public:
  explicit Reverse(RestoreSite site) : site_(std::move(site)) {}
  Result<SwapReport> revert(std::stop_token stop) override { return revert_files(site_, stop); }

 private:
  const RestoreSite site_;
};

class Meter final : public RestoreMeter {
 public:
  explicit Meter(std::string side) : side_(std::move(side)) {}
  Result<LoadMeasure> measure() override { return LoadMeasure{file_bytes(side_), 0}; }

 private:
  const std::string side_;
};

}  // namespace

Result<OpenedRestore> SqliteRestores::open(const RestoreOrder& order) {
  const DatabaseRef& ref = order.database;
  const std::string& request_uid = order.request_uid;
  const auto usable = [](char c) { return c > ' ' && c != 0x7f; };
  if (request_uid.empty() || !std::all_of(request_uid.begin(), request_uid.end(), usable)) {
    return error(StatusCode::kInternal, "a restore needs the uid of its request");
  }
  std::error_code failure;
  // Through links: the side file must be on the file system of the database itself.
  const auto live = std::filesystem::weakly_canonical(ref.path, failure);
  if (ref.path.empty() || failure || !std::filesystem::is_directory(live.parent_path(), failure)) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.database.path: there is no directory for {:?}", ref.path),
                 "BadDatabasePath");
  }
  RestoreSite site;
  site.uid = request_uid;
  site.files = restore_files(live.string(), request_uid);
  site.clock = &clock_;
  site.trace = options_.trace;
  site.patience = options_.patience;
  OpenedRestore opened;
  opened.target = std::make_unique<Target>(site, options_.query_timeout);
  opened.leftovers = std::make_unique<Leftovers>(site);
  opened.checks = std::make_unique<Checks>(site);
  opened.reverse = std::make_unique<Reverse>(site);
  opened.meter = std::make_unique<Meter>(site.files.side);
  return opened;
}

}  // namespace ripcord::sqlite
