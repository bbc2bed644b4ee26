// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/restore_swap.h"

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/file_lock.h"
#include "adapters/sqlite/restore_copy.h"
#include "adapters/sqlite/restore_replace.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::sqlite {
namespace {

constexpr auto kLockTry = std::chrono::seconds(1);
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kLockPoll = std::chrono::microseconds(200);

// A client that writes without a pause leaves the lock free for microseconds only: SQLite's own
// waits, which grow to 100 ms, would hardly ever meet one.
int ask_often(void*, int times) {
  std::this_thread::sleep_for(kLockPoll);
  return times < kLockTry / kLockPoll ? 1 : 0;
}

// The counter that every commit of a rollback-journal database changes. Read through SQLite's own
// file handle: opening and closing the file apart would drop the process's locks on it.
Result<std::uint32_t> change_counter(Connection& connection) {
  sqlite3_file* file = nullptr;
  std::array<unsigned char, 4> bytes{};
  sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (file == nullptr || file->pMethods == nullptr) {
    return error(StatusCode::kUnavailable, "the live database file is not open");
  }
  const int code = file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), 24);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) {
    return tl::unexpected(connection.failure(code));
  }
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

// Stages of the journal.
struct Way {
  std::string begun;  // from before the copy until after it
  std::string after;
  std::string before;  // and when it is given up
  std::string by_name() const { return begun + " by name"; }
};

class FileSwap {
 public:
  // `announced` is the journal's stage from before the copy until after it.
  FileSwap(const RestoreSite& site, std::string announced)
      : site_(site), announced_(std::move(announced)) {}

  // Busy: somebody holds the lock, or wrote in between; try again.
  Status attempt(const RestoreJournal& journal) {
    const Status tried = copy(journal);
    met_damage_ = tried.reason() == kDatabaseDamaged && !copying_in_;
    return tried;
  }
  // Whether the live file cannot be read, so that nothing can be copied out of it or into it.
  bool met_damage() const { return met_damage_; }
  Duration window() const { return window_; }

 private:
  Status copy(RestoreJournal journal) {
    ASSIGN_OR_RETURN(Connection side, Connection::open(site_.files.side, OpenMode::kReadOnly));
    ASSIGN_OR_RETURN(Connection live,
                     Connection::open(site_.files.live, OpenMode::kCreate, kLockTry));
    sqlite3_busy_handler(live.handle(), ask_often, nullptr);
    ASSIGN_OR_RETURN(const std::string mode, pragma(live, "journal_mode"));
    ASSIGN_OR_RETURN(const std::string pages, pragma(live, "page_count"));
    journal.has_previous = pages != "0";
    Copy copy(live, side);
    MonoTime locked = site_.clock->now();
    RETURN_IF_ERROR(mode == "wal" ? lock_then_keep(copy, journal, locked)
                                  : keep_then_lock(live, copy, journal, locked));
    journal.stage = announced_;
    RETURN_IF_ERROR(write_journal(site_, journal));
    copying_in_ = true;
    trace_point(site_.trace, "before copy in");
    RETURN_IF_ERROR(copy.copy_all());
    window_ = std::max(window_, site_.clock->now() - locked);
    trace_point(site_.trace, "after copy in");
    return {};
  }

  Status keep_previous(const RestoreJournal& journal) {
    if (!journal.has_previous) {
      return {};
    }
    trace_point(site_.trace, "before copy aside");
    RETURN_IF_ERROR(copy_aside(site_, site_.files.previous));
    trace_point(site_.trace, "after copy aside");
    return {};
  }

  // In WAL mode the lock shuts only writers out.
  Status lock_then_keep(Copy& copy, RestoreJournal& journal, MonoTime& locked) {
    RETURN_IF_ERROR(copy.lock());
    locked = site_.clock->now();
    ASSIGN_OR_RETURN(Connection reader, Connection::open(site_.files.live, OpenMode::kReadOnly));
    ASSIGN_OR_RETURN(const std::string schema, pragma(reader, "schema_version"));
    journal.schema_version = std::atoll(schema.c_str());
    return keep_previous(journal);
  }

  // The lock of a rollback-journal database shuts readers out, us too. So writers alone are held
  // off while it is copied aside, and it is locked only if nobody was quicker in between.
  Status keep_then_lock(Connection& live, Copy& copy, RestoreJournal& journal, MonoTime& locked) {
    ASSIGN_OR_RETURN(Connection guard,
                     Connection::open(site_.files.live, OpenMode::kReadWrite, kLockTry));
    sqlite3_busy_handler(guard.handle(), ask_often, nullptr);
    RETURN_IF_ERROR(guard.execute("begin immediate"));
    locked = site_.clock->now();
    ASSIGN_OR_RETURN(const std::uint32_t counter, change_counter(live));
    ASSIGN_OR_RETURN(const std::string schema, pragma(live, "schema_version"));
    journal.schema_version = std::atoll(schema.c_str());
    RETURN_IF_ERROR(keep_previous(journal));
    RETURN_IF_ERROR(guard.execute("rollback"));
    RETURN_IF_ERROR(copy.lock());
    ASSIGN_OR_RETURN(const std::uint32_t counter_now, change_counter(live));
    if (counter != counter_now) {
      return {StatusCode::kUnavailable, "the live database was written while it was copied aside",
              "Busy"};
    }
    return {};
  }

  const RestoreSite& site_;
  const std::string announced_;
  Duration window_{};
  bool copying_in_ = false;
  bool met_damage_ = false;
};

std::string read_page(std::ifstream& file, std::int64_t number, std::int64_t size) {
  std::string page(static_cast<std::size_t>(size), '\0');
  file.clear();
  file.seekg(number * size);
  file.read(page.data(), size);
  page.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return page;
}

struct Votes {
  std::int64_t differing = 0;  // pages in which side and previous differ
  std::int64_t restored = 0;   // of them, those that are now as in the side
  std::int64_t previous = 0;   // ... as in the previous
};

Votes compare_pages(const std::string& now_path, const RestoreFiles& files, std::int64_t size) {
  std::ifstream now(now_path, std::ios::binary);
  std::ifstream side(files.side, std::ios::binary);
  std::ifstream previous(files.previous, std::ios::binary);
  const std::int64_t pages = std::max(file_bytes(files.side), file_bytes(files.previous)) / size;
  Votes votes;
  for (std::int64_t number = 1; number < pages; ++number) {  // the first holds counters
    const std::string in_side = read_page(side, number, size);
    const std::string in_previous = read_page(previous, number, size);
    if (in_side == in_previous) {
      continue;
    }
    const std::string in_live = read_page(now, number, size);
    ++votes.differing;
    votes.restored += in_live == in_side ? 1 : 0;
    votes.previous += in_live == in_previous ? 1 : 0;
  }
  return votes;
}

// sqlite_schema, without where its trees begin.
Result<std::string> schema_text(const std::string& path) {
  ASSIGN_OR_RETURN(Connection connection, Connection::open(path, OpenMode::kReadOnly));
  ASSIGN_OR_RETURN(const Rows rows,
                   connection.query("select group_concat(type || name || tbl_name || "
                                    "coalesce(sql, ''), char(10)) from (select * from "
                                    "sqlite_schema order by type, name)"));
  return rows.rows.at(0).at(0).value_or("");
}

// Whether the copy that the journal announces took place. The schema version grows by one with it
// and never shrinks: the same one means no. A greater one may be a client's own DDL, so then the
// pages decide: clients can have changed some of them, but not made new ones look like old ones. If
// they changed all that tell (a tiny database), the schema does: a client's DDL would have left its
// mark in it.
Result<bool> copy_took_place(const RestoreSite& site, const RestoreJournal& journal) {
  std::string page_size;
  std::int64_t versions_since = 0;
  {
    ASSIGN_OR_RETURN(Connection live, Connection::open(site.files.live, OpenMode::kReadOnly));
    ASSIGN_OR_RETURN(const std::string version, pragma(live, "schema_version"));
    ASSIGN_OR_RETURN(page_size, pragma(live, "page_size"));
    versions_since = std::atoll(version.c_str()) - journal.schema_version;
    if (versions_since == 0) {
      return false;
    }
  }
  if (!journal.has_previous) {
    return true;
  }
  const std::string now = site.files.side + ".now";
  RETURN_IF_ERROR(copy_aside(site, now));
  const Votes votes = compare_pages(now, site.files, std::atoll(page_size.c_str()));
  RETURN_IF_ERROR(remove_database(now));
  if (votes.restored != votes.previous || votes.differing == 0) {
    return votes.restored >= votes.previous;
  }
  ASSIGN_OR_RETURN(const std::string in_live, schema_text(site.files.live));
  ASSIGN_OR_RETURN(const std::string in_side, schema_text(site.files.side));
  if (versions_since != 1 || in_live != in_side) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("after a crash it cannot be told whether {} holds the backup or the "
                             "previous data; look, then remove {} to restore again, or write "
                             "`swapped` into its third line if it is restored",
                             site.files.live, site.files.journal),
                 "SwapUnclear");
  }
  return true;
}

// `before` is the journal's stage when it is given up.
Status swap_patiently(const RestoreSite& site, FileSwap& swap, RestoreJournal& journal,
                      const std::string& before, const std::stop_token& stop) {
  const MonoTime deadline = site.clock->now() + site.patience;
  for (;;) {
    const Status tried = swap.attempt(journal);
    if (tried.ok()) {
      return {};
    }
    const bool busy = tried.reason() == "Busy";
    const bool go_on = busy && site.clock->now() < deadline && site.clock->sleep_for(kPause, stop);
    if (!go_on) {
      journal.stage = before;
      RETURN_IF_ERROR(write_journal(site, journal));
      RETURN_IF_ERROR(remove_database(site.files.previous));
      RETURN_IF_ERROR(remove_database(site.files.previous + ".tmp"));
      if (stop.stop_requested()) {
        return {StatusCode::kCancelled, "stopped before the swap"};
      }
      return tried.annotated(site.files.live);
    }
  }
}

Result<std::int64_t> next_swap_number(const RestoreSite& site) {
  ASSIGN_OR_RETURN(const std::vector<RestoreJournal> others, swapped_journals(site));
  std::int64_t greatest = 0;
  for (const RestoreJournal& other : others) {
    greatest = std::max(greatest, other.swap_number);
  }
  return greatest + 1;
}

// The live file then holds what another request restored, or what came after it.
Status check_not_overtaken(const RestoreSite& site, const RestoreJournal& journal) {
  ASSIGN_OR_RETURN(const std::vector<RestoreJournal> others, swapped_journals(site));
  const auto later = std::find_if(others.begin(), others.end(), [&](const RestoreJournal& other) {
    return other.swap_number > journal.swap_number;
  });
  if (later == others.end() && !journal.overtaken) {
    return {};
  }
  return {
      StatusCode::kFailedPrecondition,
      fmt::format("{} was restored again since{}: going back now would throw that away; revert "
                  "that one first",
                  site.files.live, later == others.end() ? "" : ", by the request " + later->uid),
      "SwappedSince"};
}

// Both ways: what `site.files.side` holds goes into the live file, whose content goes to
// `site.files.previous`.
Status exchange(const RestoreSite& site, FileSwap& swap, RestoreJournal& journal, const Way& way,
                const std::stop_token& stop) {
  bool in_place = journal.stage == way.after;
  if (journal.stage == way.begun) {
    ASSIGN_OR_RETURN(in_place, copy_took_place(site, journal));
  }
  if (!in_place && journal.stage != way.by_name()) {
    const Status copied = swap_patiently(site, swap, journal, way.before, stop);
    if (!copied.ok() && !swap.met_damage()) {
      return copied;
    }
    if (!copied.ok()) {
      RETURN_IF_ERROR(check_readable(site.files.side));
      journal.stage = way.by_name();
      journal.has_previous = true;
      RETURN_IF_ERROR(write_journal(site, journal));
    } else {
      ASSIGN_OR_RETURN(const std::optional<RestoreJournal> written, read_journal(site));
      journal = written.value_or(journal);
    }
  }
  if (journal.stage == way.by_name()) {
    RETURN_IF_ERROR(replace_by_name(site));
  }
  if (journal.stage != way.after) {
    journal.stage = way.after;
    if (way.after == "swapped") {
      ASSIGN_OR_RETURN(journal.swap_number, next_swap_number(site));
    }
    RETURN_IF_ERROR(write_journal(site, journal));
  }
  trace_point(site.trace, "before remove side");
  RETURN_IF_ERROR(remove_database(site.files.side));
  trace_point(site.trace, "after remove side");
  return {};
}

// There the damage is what was taken out of use, and the live file works.
Status check_previous(const RestoreSite& site) {
  const Status readable = check_readable(site.files.previous);
  if (readable.reason() != kDatabaseDamaged) {
    return readable;
  }
  return {
      StatusCode::kFailedPrecondition,
      fmt::format("{}: it is not put back in place of a file that works; get out of it what can "
                  "be had with `sqlite3 {} .recover`, or rename it by hand",
                  readable.message(), site.files.previous),
      "PreviousDamaged"};
}

}  // namespace

Result<SwapReport> swap_files(const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const FileLock alone, FileLock::acquire(database_lock_file(site.files.live),
                                                           site.patience, *site.clock, stop));
  ASSIGN_OR_RETURN(const std::optional<RestoreJournal> found, read_journal(site));
  const bool begun = found && found->stage != "loading";
  if (!begun || found->stage.starts_with("revert")) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("{} is not loaded to its end; load it first", site.files.side),
                 "SideIncomplete");
  }
  RestoreJournal journal = *found;
  const Way way{"swapping", "swapped", "loaded"};
  FileSwap swap(site, way.begun);
  RETURN_IF_ERROR(exchange(site, swap, journal, way, stop));
  SwapReport report;
  report.previous_name = file_exists(site.files.previous) ? site.files.previous : "";
  report.window = swap.window();
  return report;
}

Result<SwapReport> revert_files(const RestoreSite& site, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const FileLock alone, FileLock::acquire(database_lock_file(site.files.live),
                                                           site.patience, *site.clock, stop));
  ASSIGN_OR_RETURN(const std::optional<RestoreJournal> found, read_journal(site));
  const Way way{"reverting", "reverted", "swapped"};
  const bool way_back = found && (found->stage == "swapped" || found->stage.starts_with("revert"));
  const bool maybe_back = way_back && (found->stage == way.after || found->stage == way.by_name());
  if (!way_back || (!maybe_back && !file_exists(site.files.previous))) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("there is no {} to go back to", site.files.previous), "PreviousGone");
  }
  RestoreJournal journal = *found;
  if (journal.stage == "swapped") {
    RETURN_IF_ERROR(check_not_overtaken(site, journal));
    RETURN_IF_ERROR(check_previous(site));
    // Of a swap that was killed just before its end; its name is needed now.
    RETURN_IF_ERROR(remove_database(site.files.side));
  }
  RestoreSite reversed = site;
  std::swap(reversed.files.side, reversed.files.previous);
  FileSwap swap(reversed, way.begun);
  RETURN_IF_ERROR(exchange(reversed, swap, journal, way, stop));
  SwapReport report;
  report.previous_name = file_exists(site.files.side) ? site.files.side : "";
  report.window = swap.window();
  return report;
}

}  // namespace ripcord::sqlite
