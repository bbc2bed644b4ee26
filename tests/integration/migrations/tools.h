// SPDX-License-Identifier: Apache-2.0
#pragma once
// The real migration tools, each behind the three things that the tests ask of them.

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
  // The name and content of the file of version 1 to 4, the second empty where one file holds both
  // ways: made out of the bodies that the test gives.
  virtual void write(const ToolPlace& place, int version, const std::string& up,
                     const std::string& down) const = 0;
  virtual RunResult up(const ToolPlace& place) const = 0;        // all that are pending
  virtual RunResult down_one(const ToolPlace& place) const = 0;  // the last
  // How many versions the tool believes applied, of the four.
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
