// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/plain_dump.h"

#include <cstdint>
#include <fstream>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

constexpr std::int64_t kLinesBetweenStopChecks = 65536;

bool begins_copy(std::string_view line) {
  return line.starts_with("COPY ") && line.ends_with("FROM stdin;");
}

bool first_word_is(std::string_view line, std::string_view word) {
  return line.starts_with(word) && (line.size() == word.size() || line[word.size()] == ' ');
}

}  // namespace

Result<PlainDump> inspect_plain_dump(const std::string& name, const std::string& path,
                                     const std::stop_token& stop) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return error(StatusCode::kUnavailable, fmt::format("backup {}: cannot be read", name));
  }
  PlainDump dump;
  bool from_pg_dump = false;
  bool complete = false;
  bool in_copy = false;
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (number % kLinesBetweenStopChecks == 0 && stop.stop_requested()) {
      return error(StatusCode::kCancelled, "stopped while reading the backup");
    }
    if (in_copy) {
      in_copy = line != "\\.";
      continue;
    }
    in_copy = begins_copy(line);
    from_pg_dump = from_pg_dump || line == "-- PostgreSQL database dump";
    complete = complete || line == "-- PostgreSQL database dump complete";
    if (first_word_is(line, "CREATE SUBSCRIPTION")) {
      return error(
          StatusCode::kInvalidArgument,
          fmt::format("backup {} line {}: a database with a subscription cannot be dropped, "
                      "and the side database must be; dump with --no-subscriptions, or "
                      "in custom format",
                      name, number),
          "UnsafeBackup");
    }
    if (line.empty() || line.front() != '\\') {
      continue;
    }
    if (first_word_is(line, "\\restrict")) {
      dump.restricts_itself = true;
    } else if (!first_word_is(line, "\\unrestrict")) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("backup {} line {}: psql command {} could reach beyond the side "
                               "database; dump one database with pg_dump, without -C",
                               name, number, line.substr(0, line.find(' '))),
                   "UnsafeBackup");
    }
  }
  if (in_copy || (from_pg_dump && !complete)) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("backup {} is cut short: its last line is missing", name),
                 "CorruptBackup");
  }
  return dump;
}

}  // namespace ripcord::postgres
