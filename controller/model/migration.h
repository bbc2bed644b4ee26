// SPDX-License-Identifier: Apache-2.0
#pragma once
// One migration as its author wrote it, and the layouts (the tools) it may be written for. Values;
// the functions are pure.
// Versions are integers, 0 .. 2^63-1, whatever the tool counts in; see version_number().

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ripcord {

// How a directory of migrations and the history in its database are laid out: by which tool.
enum class MigrationLayout { kGolangMigrate, kDbmate, kGoose, kFlyway, kSqlMigrate, kAtlas };
std::string_view to_string(MigrationLayout layout);  // "golang-migrate", "dbmate", ...

// The version that a tool's own text for one stands for; nothing when it is none, or too large.
// Flyway's 1.2.3 is 1 * 10000 + 2 * 100 + 3: at most three parts, the second and third up to 99.
// sql-migrate's is in front of a file's name; all others are digits only.
std::optional<std::int64_t> version_number(MigrationLayout layout, std::string_view text);

struct Migration {
  std::int64_t version = 0;
  std::string name;                 // "add_total" of 3_add_total.up.sql
  std::optional<std::string> up;    // SQL; absent when there is no such file
  std::optional<std::string> down;  // SQL; absent or without a statement = irreversible
  std::string up_file;              // for messages; empty when inline
  std::string down_file;
  // What the tool's own history says about it.
  MigrationLayout layout = MigrationLayout::kGolangMigrate;
  std::string tool_version{};   // in the tool's own words: "1.2.3", "0003"
  std::string tool_checksum{};  // Flyway's CRC32, Atlas's hash; of nobody else
  // Flyway's R__: no version of its own (0), run again after the last version whenever its checksum
  // has changed.
  bool repeatable = false;

  bool operator==(const Migration&) const = default;
};

// A script whose last line is this one is run statement by statement, each for itself, with a
// journal: what the tools' annotations (transaction:false, NO TRANSACTION, notransaction ...) come
// to. Part of the script, so that a recorded undo keeps it.
inline constexpr std::string_view kNoTransactionMark = "-- ripcord: no transaction";
std::string without_transaction(std::string script);  // with the mark
bool runs_without_transaction(std::string_view script);

}  // namespace ripcord
