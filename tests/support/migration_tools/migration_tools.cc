// SPDX-License-Identifier: Apache-2.0
#include "tests/support/migration_tools/migration_tools.h"

#include "tests/support/paths/paths.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

int count(const std::string& text, std::string_view what) {
  int found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

// What tests/migration_tools/build has built; empty when it has not.
std::string built(const std::string& name) {
  const RunResult found = run({.argv = {source_dir() + "/tests/migration_tools/build", "--find"}});
  return found.exit_code == 0 ? found.out.substr(0, found.out.find('\n')) + "/" + name : "";
}

constexpr auto kPatience = std::chrono::minutes(10);

bool concurrent(const std::string& body) {
  return body.find("CONCURRENTLY") != std::string::npos;
}

class GolangMigrate final : public MigrationTool {
 public:
  explicit GolangMigrate(std::string program) : program_(std::move(program)) {}
  void write(const ToolPlace& place, int version, const std::string& up,
             const std::string& down) const override {
    write_file(fmt::format("{}/{}_step.up.sql", place.directory, version), up);
    write_file(fmt::format("{}/{}_step.down.sql", place.directory, version), down);
  }
  RunResult up(const ToolPlace& place) const override { return call(place, {"up"}); }
  RunResult down_one(const ToolPlace& place) const override { return call(place, {"down", "1"}); }
  std::optional<RunResult> down_all(const ToolPlace& place) const override {
    return call(place, {"down", "-all"});
  }
  int applied(const ToolPlace& place) const override {
    const std::string said = call(place, {"version"}).err;
    return said.find("no migration") != std::string::npos ? 0 : std::atoi(said.c_str());
  }

 private:
  RunResult call(const ToolPlace& place, std::vector<std::string> command) const {
    const bool sqlite = place.engine == ToolEngine::kSqlite;
    std::vector<std::string> argv{program_, "-path", place.directory, "-database",
                                  (sqlite ? "sqlite://" : "") + place.address};
    argv.insert(argv.end(), command.begin(), command.end());
    return run({.argv = argv}, {}, kPatience);
  }
  std::string program_;
};

class Dbmate final : public MigrationTool {
 public:
  explicit Dbmate(std::string program) : program_(std::move(program)) {}
  void write(const ToolPlace& place, int version, const std::string& up,
             const std::string& down) const override {
    const char* alone = concurrent(up) ? " transaction:false" : "";
    write_file(fmt::format("{}/{:04}_step.sql", place.directory, version),
               fmt::format("-- migrate:up{0}\n{1}\n\n-- migrate:down{0}\n{2}\n", alone, up, down));
  }
  RunResult up(const ToolPlace& place) const override { return call(place, "migrate"); }
  RunResult down_one(const ToolPlace& place) const override { return call(place, "rollback"); }
  std::optional<RunResult> down_all(const ToolPlace&) const override { return std::nullopt; }
  int applied(const ToolPlace& place) const override {
    return count(call(place, "status").out, "[X]");
  }

 private:
  RunResult call(const ToolPlace& place, const std::string& command) const {
    const bool sqlite = place.engine == ToolEngine::kSqlite;
    return run({.argv = {program_, "--url", (sqlite ? "sqlite:" : "") + place.address,
                         "--migrations-dir", place.directory, "--no-dump-schema", command}},
               {}, kPatience);
  }
  std::string program_;
};

// The files of goose and sql-migrate.
std::string annotated(const std::string& mark, const std::string& option_up, const std::string& up,
                      const std::string& option_down, const std::string& down) {
  return fmt::format(
      "-- {0} Up{1}\n-- {0} StatementBegin\n{2}\n-- {0} StatementEnd\n\n-- {0} Down{3}\n{4}\n",
      mark, option_up, up, option_down, down);
}

class Goose final : public MigrationTool {
 public:
  explicit Goose(std::string program) : program_(std::move(program)) {}
  void write(const ToolPlace& place, int version, const std::string& up,
             const std::string& down) const override {
    write_file(fmt::format("{}/{:05}_step.sql", place.directory, version),
               (concurrent(up) ? "-- +goose NO TRANSACTION\n" : "") +
                   annotated("+goose", "", up, "", down));
  }
  RunResult up(const ToolPlace& place) const override { return call(place, "up"); }
  RunResult down_one(const ToolPlace& place) const override { return call(place, "down"); }
  std::optional<RunResult> down_all(const ToolPlace& place) const override {
    return call(place, "reset");
  }
  int applied(const ToolPlace& place) const override {
    const RunResult said = call(place, "status");
    const std::string all = said.out + said.err;
    return count(all, "_step.sql") - count(all, "Pending");
  }

 private:
  RunResult call(const ToolPlace& place, const std::string& command) const {
    const bool sqlite = place.engine == ToolEngine::kSqlite;
    return run({.argv = {program_, "-dir", place.directory, sqlite ? "sqlite3" : "postgres",
                         place.address, command}},
               {}, kPatience);
  }
  std::string program_;
};

class SqlMigrate final : public MigrationTool {
 public:
  void write(const ToolPlace& place, int version, const std::string& up,
             const std::string& down) const override {
    const char* alone = concurrent(up) ? " notransaction" : "";
    write_file(fmt::format("{}/{}_step.sql", place.directory, version),
               annotated("+migrate", alone, up, alone, down));
  }
  RunResult up(const ToolPlace& place) const override { return call(place, {"up"}); }
  RunResult down_one(const ToolPlace& place) const override {
    return call(place, {"down", "-limit=1"});
  }
  std::optional<RunResult> down_all(const ToolPlace& place) const override {
    return call(place, {"down", "-limit=0"});
  }
  int applied(const ToolPlace& place) const override {
    const std::string said = call(place, {"status"}).out;
    return count(said, "_step.sql") - count(said, "| no ");
  }

 private:
  static RunResult call(const ToolPlace& place, std::vector<std::string> command) {
    const bool sqlite = place.engine == ToolEngine::kSqlite;
    const std::string config = place.directory + "/dbconfig.yml";
    write_file(config,
               fmt::format("development:\n  dialect: {}\n  datasource: {}\n  dir: {}\n",
                           sqlite ? "sqlite3" : "postgres", place.address, place.directory));
    command.insert(command.begin(), "sql-migrate");
    command.insert(command.begin() + 2, "-config=" + config);
    return run({.argv = command}, {}, kPatience);
  }
};

template <class Tool>
std::unique_ptr<MigrationTool> built_tool(const std::string& name) {
  std::string program = built(name);
  return program.empty() ? nullptr : std::make_unique<Tool>(std::move(program));
}

}  // namespace

std::unique_ptr<MigrationTool> golang_migrate_tool() {
  return built_tool<GolangMigrate>("migrate");
}
std::unique_ptr<MigrationTool> dbmate_tool() {
  return built_tool<Dbmate>("dbmate");
}
std::unique_ptr<MigrationTool> goose_tool() {
  return built_tool<Goose>("goose");
}
std::unique_ptr<MigrationTool> sql_migrate_tool() {
  const bool there = run({.argv = {"sh", "-c", "command -v sql-migrate"}}).exit_code == 0;
  return there ? std::make_unique<SqlMigrate>() : nullptr;
}

}  // namespace ripcord
