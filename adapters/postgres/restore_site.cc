// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/restore_site.h"

#include <cctype>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::size_t kNameBytes = 63;
constexpr std::string_view kMarkStart = "ripcord: uid=";
constexpr auto kLockPatience = std::chrono::seconds(15);
constexpr auto kLockPoll = std::chrono::milliseconds(50);

std::string short_uid(const std::string& uid) {
  std::string text;
  for (const char c : uid) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 && text.size() < 8) {
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return text;
}

std::string joined(const std::string& live, const std::string& ending) {
  std::size_t keep = std::min(live.size(), kNameBytes - ending.size());
  // Never cut inside a UTF-8 sequence: the server would refuse the name.
  while (keep < live.size() && keep > 0 &&
         (static_cast<unsigned char>(live[keep]) & 0xc0) == 0x80) {
    --keep;
  }
  return live.substr(0, keep) + ending;
}

std::size_t mark_position(const std::string& comment) {
  const auto at = comment.rfind(kMarkStart);
  const bool line_start = at != std::string::npos && (at == 0 || comment[at - 1] == '\n');
  return line_start ? at : std::string::npos;
}

Status lock_for(Connection& connection, const RestoreSite& site, const std::string& what,
                const std::stop_token& stop) {
  const MonoTime deadline = site.clock->now() + kLockPatience;
  for (;;) {
    ASSIGN_OR_RETURN(
        const Rows got,
        connection.query("select pg_try_advisory_lock(hashtextextended($1, 0))", {what}, stop));
    if (got.rows.at(0).at(0) == "t") {
      return {};
    }
    if (site.clock->now() >= deadline) {
      return {StatusCode::kUnavailable,
              fmt::format("another restore of database {} is under way", site.names.live),
              "Locked"};
    }
    if (!site.clock->sleep_for(kLockPoll, stop)) {
      return {StatusCode::kCancelled, "stopped while waiting for another restore"};
    }
  }
}

}  // namespace

RestoreNames restore_names(const std::string& live, const std::string& uid) {
  const std::string id = short_uid(uid);
  return {live, joined(live, "_ripcord_" + id), joined(live, "_before_" + id)};
}

std::string comment_with(const std::string& own_comment, const RestoreMark& mark) {
  return fmt::format("{}{}{}{} stage={} backup={}", own_comment, own_comment.empty() ? "" : "\n",
                     kMarkStart, mark.uid, mark.stage, mark.backup);
}

std::optional<RestoreMark> mark_in(const std::string& comment) {
  const auto at = mark_position(comment);
  if (at == std::string::npos) {
    return std::nullopt;
  }
  const std::string line = comment.substr(at + kMarkStart.size());
  const auto stage = line.find(" stage=");
  const auto backup = line.find(" backup=", stage == std::string::npos ? 0 : stage);
  if (stage == std::string::npos || backup == std::string::npos) {
    return std::nullopt;
  }
  return RestoreMark{line.substr(0, stage), line.substr(stage + 7, backup - stage - 7),
                     line.substr(backup + 8)};
}

std::string comment_without_mark(const std::string& comment) {
  const auto at = mark_position(comment);
  if (at == std::string::npos) {
    return comment;
  }
  return comment.substr(0, at == 0 ? 0 : at - 1);
}

bool SiteState::swapped(const RestoreSite& site) const {
  const bool live_is_ours = live && live->mark && live->mark->uid == site.uid;
  return live_is_ours || previous.has_value();
}

bool SiteState::swap_begun(const RestoreSite& site) const {
  return !swapped(site) && side && side->mark && side->mark->uid == site.uid &&
         side->mark->stage == "swapping";
}

bool SiteState::reverted(const RestoreSite& site) const {
  return revert_to_resume(site) ||
         (side && side->mark && side->mark->uid == site.uid && side->mark->stage == "reverted");
}

bool SiteState::revert_begun(const RestoreSite& site) const {
  return live && live->mark && live->mark->uid == site.uid && live->mark->stage == "reverting";
}

bool SiteState::swap_to_resume(const RestoreSite& site) const {
  return live && live->mark && live->mark->uid == site.uid && live->mark->stage == "resuming";
}

bool SiteState::revert_to_resume(const RestoreSite& site) const {
  return side && side->mark && side->mark->uid == site.uid && side->mark->stage == "resuming";
}

Result<Connection> connect_maintenance(const RestoreSite& site, std::stop_token stop) {
  ConnectOptions options;
  options.dbname = kMaintenanceDatabase;
  return Connection::open(site.url, options, std::move(stop));
}

Result<SiteState> observe(Connection& connection, const RestoreSite& site) {
  ASSIGN_OR_RETURN(
      const Rows found,
      connection.query("select datname, datallowconn, shobj_description(oid, 'pg_database'), "
                       "case when datname <> $3 then pg_database_size(oid) else 0 end "
                       "from pg_database where datname in ($1, $2, $3)",
                       {site.names.live, site.names.side, site.names.previous}));
  SiteState state;
  for (const auto& row : found.rows) {
    DatabaseRow database;
    database.allows_connections = row[1] == "t";
    database.comment = row[2].value_or("");
    database.mark = mark_in(database.comment);
    database.bytes = std::stoll(row[3].value_or("0"));
    const std::string name = row[0].value_or("");
    (name == site.names.live   ? state.live
     : name == site.names.side ? state.side
                               : state.previous) = std::move(database);
  }
  if (state.side && state.side->mark && state.side->mark->uid != site.uid) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("database {} belongs to the restore {}; drop it, or delete this "
                             "request and make a new one",
                             site.names.side, state.side->mark->uid),
                 "NameTaken");
  }
  return state;
}

Status lock_side(Connection& connection, const RestoreSite& site, const std::stop_token& stop) {
  return lock_for(connection, site, "ripcord load " + site.names.side, stop);
}

Status lock_swap(Connection& connection, const RestoreSite& site, const std::stop_token& stop) {
  return lock_for(connection, site, "ripcord restore " + site.names.live, stop);
}

Status set_mark(Connection& connection, const std::string& database, const std::string& own_comment,
                const RestoreMark& mark) {
  return status_of_rows(connection.execute(
      fmt::format("comment on database {} is {}", Connection::quote_identifier(database),
                  Connection::quote_literal(comment_with(own_comment, mark)))));
}

}  // namespace ripcord::postgres
