// SPDX-License-Identifier: Apache-2.0
#pragma once
// The real migration tools, each behind the few things that tests and benchmarks ask of them. Those
// that are not installed are null; a call that takes longer than ten minutes is ended.

#include "tests/support/process.h"

#include <memory>
#include <optional>
#include <ostream>
#include <string>

namespace ripcord {

enum class ToolEngine { kPostgres, kSqlite };

// Where a tool works: `address` is a URL with sslmode=disable, or the path of a SQLite file.
struct ToolPlace {
  ToolEngine engine = ToolEngine::kPostgres;
  std::string address;
  std::string directory;
};

class MigrationTool {
 public:
  virtual ~MigrationTool() = default;
  // Makes the file of a version from 1 to 9999, or the two of it, out of the bodies given.
  virtual void write(const ToolPlace& place, int version, const std::string& up,
                     const std::string& down) const = 0;
  virtual RunResult up(const ToolPlace& place) const = 0;        // all that are pending
  virtual RunResult down_one(const ToolPlace& place) const = 0;  // the last
  // All in one process; nothing for a tool that goes down one by one.
  virtual std::optional<RunResult> down_all(const ToolPlace& place) const = 0;
  // How many versions the tool believes applied.
  virtual int applied(const ToolPlace& place) const = 0;
};

struct ToolCase {
  std::string name;
  std::unique_ptr<MigrationTool> (*make)();  // null when the tool is not there
  ToolEngine engine;
};
inline void PrintTo(const ToolCase& tool, std::ostream* out) {
  *out << tool.name;
}

std::unique_ptr<MigrationTool> golang_migrate_tool();
std::unique_ptr<MigrationTool> dbmate_tool();
std::unique_ptr<MigrationTool> goose_tool();
std::unique_ptr<MigrationTool> sql_migrate_tool();

}  // namespace ripcord
