// SPDX-License-Identifier: Apache-2.0
#include "controller/base/sha256.h"
#include "controller/policy/migration_tools.h"
#include "controller/policy/migration_version.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace ripcord {
namespace {

using Version = std::optional<std::int64_t>;

std::string range_text(const SchemaRange& range) {
  return range.min && range.max ? fmt::format("{} to {}", *range.min, *range.max)
         : range.min            ? fmt::format("{} and above", *range.min)
         : range.max            ? fmt::format("up to {}", *range.max)
                                : "any";
}

class PathFinder {
 public:
  PathFinder(const MigrationVersionSpec& spec, const SchemaState& state,
             const std::vector<Migration>& files, WallTime now)
      : spec_(spec), state_(state), override_(active_override(spec.override, now)) {
    for (const Migration& file : files) {
      if (file.repeatable) {
        repeatables_.push_back(&file);
      } else {
        files_[file.version] = &file;
      }
    }
    for (const AppliedMigration& record : state.applied) {
      records_[record.version] = &record;
    }
  }

  MigrationPath find() {
    path_.from = state_.version;
    path_.trigger = override_ != nullptr ? Trigger::kOverride : Trigger::kSpec;
    find_drift();
    if (state_.dirty) {
      hold("Dirty", state_.dirty_detail.empty() ? dirty_message() : state_.dirty_detail);
      return std::move(path_);
    }
    find_target();
    check_range();
    position_ = state_.version;
    if (!path_.hold && state_.unfinished) {
      resume(*state_.unfinished);
    }
    if (!path_.hold) {
      walk();
    }
    const bool at_the_end = files_.empty() || position_ >= files_.rbegin()->first;
    finish_for_tools(state_, repeatables_, at_the_end, path_);
    if (path_.hold) {
      path_.moves.clear();
    }
    return std::move(path_);
  }

 private:
  void hold(std::string reason, std::string message) {
    path_.hold = Hold{std::move(reason), std::move(message)};
  }

  const Migration* file(std::int64_t version) const {
    const auto at = files_.find(version);
    return at == files_.end() ? nullptr : at->second;
  }
  const AppliedMigration* record(std::int64_t version) const {
    const auto at = records_.find(version);
    return at == records_.end() ? nullptr : at->second;
  }

  // golang-migrate writes the version that it goes to, dirty, before it begins: either that
  // version's up or the down of the one above is half done.
  std::string dirty_message() const {
    const std::int64_t at = state_.version.value_or(-1);
    const Migration* up = file(at);
    const auto above = files_.upper_bound(at);
    const std::string up_name = up == nullptr ? fmt::format("the up of {}", at) : name_of(*up);
    const std::string below = version_text(before(at));
    std::string began = state_.version ? up_name : "";
    std::string ways = state_.version ? fmt::format("{} when {} did, {} when it did not at all", at,
                                                    up_name, below)
                                      : "";
    if (above != files_.end()) {
      const std::string down = down_name_of(*above->second);
      began += (began.empty() ? "" : ", or ") + down;
      ways += fmt::format("{}{} when {} did, {} when it did not at all", ways.empty() ? "" : "; ",
                          version_text(state_.version), down, above->first);
    }
    return fmt::format(
        "golang-migrate left the database dirty at version {}: it began {}, and the end of that is "
        "not known. Look which statements took effect and finish or undo the rest by hand; then "
        "write the version that holds ({}): `migrate force V` (-1 for none), or UPDATE "
        "schema_migrations SET version = V, dirty = false (for none: DELETE FROM "
        "schema_migrations)",
        version_text(state_.version), began.empty() ? "a migration" : began, ways);
  }

  Version before(std::int64_t version) const {
    const auto at = files_.lower_bound(version);
    return at == files_.begin() ? Version{} : Version(std::prev(at)->first);
  }

  // Versions that were left out when a later one was applied.
  bool skipped(std::int64_t version) const {
    const auto above = records_.upper_bound(version);
    return above != records_.end() && record(version) == nullptr && above->second->previous &&
           *above->second->previous < version;
  }

  void find_drift() {
    add_missing_files(state_, files_, path_);
    for (const auto& [version, f] : files_) {
      if (changed(f, record(version))) {
        path_.drift.push_back(fmt::format(
            "{} was changed after it was applied; it is not run again, and its undo is the one "
            "recorded in the database. If another tool applied it again as it is now, that undo "
            "does "
            "not fit: going down past it needs an approval",
            name_of(*f)));
      }
      if (skipped(version)) {
        path_.drift.push_back(
            fmt::format("{} is older than version {} but was never applied; renumber it above, or "
                        "go down below "
                        "it first",
                        name_of(*f), version_text(state_.version)));
        out_of_order_ = true;
      }
    }
    path_.drift.insert(path_.drift.end(), state_.remarks.begin(), state_.remarks.end());
    for (const KeptTombstone& tombstone : state_.tombstones) {
      if (!tombstone.undoable && !tombstone.gone) {
        path_.drift.push_back(fmt::format(
            "another tool went down past version {}: {}, which that had put aside, is still there "
            "as {}; copy what you need, it is dropped at the end of its time",
            tombstone.version, tombstone.what, tombstone.name));
      }
    }
    if (!files_.empty() && state_.version && *state_.version > files_.rbegin()->first) {
      path_.drift.push_back(
          fmt::format("the database is at version {}, the last migration at hand is {}",
                      *state_.version, files_.rbegin()->first));
    }
  }

  // The up that was recorded is not the one at hand.
  static bool changed(const Migration* f, const AppliedMigration* r) {
    return tool_saw_another(f, r) || (f != nullptr && r != nullptr && f->up &&
                                      !r->up_digest.empty() && sha256_hex(*f->up) != r->up_digest);
  }

  static std::string down_name_of(const Migration& f) {
    return f.down_file.empty() ? fmt::format("the down of {} {}", f.version, f.name) : f.down_file;
  }
  static std::string name_of(const Migration& f) {
    return f.up_file.empty() ? fmt::format("migration {} {}", f.version, f.name) : f.up_file;
  }

  void find_target() {
    Version wanted = override_ != nullptr ? Version(override_->version) : spec_.version;
    if (!wanted) {
      path_.target = state_.version;
      if (!files_.empty()) {
        path_.target = std::max(path_.target.value_or(-1), files_.rbegin()->first);
      }
      return;
    }
    std::set<std::int64_t> known;
    std::for_each(files_.begin(), files_.end(), [&](const auto& f) { known.insert(f.first); });
    std::for_each(records_.begin(), records_.end(), [&](const auto& r) { known.insert(r.first); });
    if (state_.version) {
      known.insert(*state_.version);
    }
    if (state_.unfinished) {
      known.insert(state_.unfinished->version);
    }
    if (known.contains(*wanted)) {
      path_.target = wanted;
    } else if (*wanted != 0) {
      hold("UnknownVersion", unknown_message(*wanted, known));
    }
  }

  // Also where nobody asks for a change a half-done migration would be finished: it ends outside.
  void check_range() {
    const bool moves = path_.target != state_.version || state_.unfinished;
    if (path_.hold || !spec_.schema_range || !moves || spec_.schema_range->contains(path_.target)) {
      return;
    }
    hold(
        "OutsideSchemaRange",
        fmt::format("version {} is outside spec.schemaRange ({}): the release that is there cannot "
                    "run on it, so nothing was done. Take a version inside, or bring back a "
                    "release first that can run on it, and write its schemaRange",
                    version_text(path_.target), range_text(*spec_.schema_range)));
  }

  static std::string unknown_message(std::int64_t wanted, const std::set<std::int64_t>& known) {
    if (known.empty()) {
      return fmt::format(
          "version {} is not known: there are no migrations at hand and none are "
          "recorded in the database",
          wanted);
    }
    const auto above = known.lower_bound(wanted);
    std::int64_t nearest = above == known.end() ? *std::prev(above) : *above;
    if (above != known.begin() && above != known.end() &&
        wanted - *std::prev(above) < *above - wanted) {
      nearest = *std::prev(above);
    }
    return fmt::format(
        "version {} is neither among the migrations at hand nor recorded in the "
        "database; the nearest is {}",
        wanted, nearest);
  }

  void resume(const UnfinishedMigration& begun) {
    const std::size_t before = path_.moves.size();
    if (begun.direction == Direction::kUp) {
      const Migration* f = file(begun.version);
      if (f == nullptr || !f->up) {
        hold("UnfinishedMigration",
             fmt::format("up {} began and did not end ({}), and its file is not at hand; bring the "
                         "file back, it is finished from where it stopped",
                         begun.version, begun.detail));
        return;
      }
      add_up(*f);
    } else {
      position_ = begun.version;
      add_down();
    }
    if (path_.moves.size() > before) {
      path_.moves.back().resumed = true;
    }
  }

  void walk() {
    const std::int64_t target = path_.target.value_or(-1);
    while (!path_.hold && position_.value_or(-1) > target) {
      add_down();
    }
    const bool went_down = position_ != state_.version;
    for (auto at = files_.upper_bound(position_.value_or(-1));
         !path_.hold && at != files_.end() && at->first <= target; ++at) {
      if (out_of_order_ && !went_down) {
        hold("OutOfOrder", path_.drift.empty() ? "" : out_of_order_message());
        return;
      }
      add_up(*at->second);
    }
    if (!path_.hold && position_ != path_.target) {
      hold("UnknownVersion",
           fmt::format(
               "version {} was never applied to this database and cannot be reached from {}: "
               "the way ends at {}",
               version_text(path_.target), version_text(state_.version), version_text(position_)));
    }
  }

  std::string out_of_order_message() const {
    std::string names;
    for (const auto& [version, f] : files_) {
      if (skipped(version)) {
        names += (names.empty() ? "" : ", ") + name_of(*f);
      }
    }
    return fmt::format(
        "{}: older than the database's version {} but never applied; renumber it "
        "above, or go down below it first",
        names, version_text(state_.version));
  }

  void add_up(const Migration& f) {
    if (!f.up) {
      hold("MissingUp", fmt::format("version {} has a down ({}) but no up; add the up file",
                                    f.version, f.down_file));
      return;
    }
    path_.moves.push_back({{Direction::kUp, f, {}, f.version}, name_of(f), false});
    position_ = f.version;
  }

  // Crosses position_ downwards.
  void add_down() {
    const std::int64_t version = *position_;
    const Migration* f = file(version);
    const AppliedMigration* r = record(version);
    MigrationMove move;
    move.step.direction = Direction::kDown;
    move.step.migration.version = version;
    move.step.migration.name = r != nullptr && !r->name.empty() ? r->name : f ? f->name : "";
    if (r != nullptr && r->down) {
      move.step.migration.down = r->down;
      move.origin = "the database's record";
      move.doubtful = changed(f, r);
    } else if (f != nullptr) {
      move.step.migration.down = f->down;
      move.step.migration.down_file = f->down_file;
      move.origin =
          f->down_file.empty() ? fmt::format("migration {} {}", f->version, f->name) : f->down_file;
    }
    move.step.version_after = below(version, r);
    position_ = move.step.version_after;
    path_.moves.push_back(std::move(move));
  }

  Version below(std::int64_t version, const AppliedMigration* r) const {
    if (r != nullptr && r->previous) {
      return *r->previous < 0 ? Version{} : r->previous;
    }
    Version next;
    for (const auto& [v, f] : files_) {
      if (v < version && !skipped(v)) {
        next = v;
      }
    }
    const auto at = records_.lower_bound(version);
    if (at != records_.begin() && std::prev(at)->first > next.value_or(-1)) {
      next = std::prev(at)->first;
    }
    return next;
  }

  const MigrationVersionSpec& spec_;
  const SchemaState& state_;
  const MigrationOverride* override_;
  std::map<std::int64_t, const Migration*> files_;
  std::map<std::int64_t, const AppliedMigration*> records_;
  std::vector<const Migration*> repeatables_;
  bool out_of_order_ = false;
  Version position_;
  MigrationPath path_;
};

}  // namespace

MigrationPath migration_path(const MigrationVersionSpec& spec, const SchemaState& state,
                             const std::vector<Migration>& files, WallTime now) {
  return PathFinder(spec, state, files, now).find();
}

}  // namespace ripcord
