// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/schema_database.h"

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/file_lock.h"
#include "adapters/sqlite/schema_session.h"
#include "adapters/sqlite/schema_tables.h"

#include <filesystem>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

// Unavailable, not wrong: a volume may be mounted later.
Status check_folder(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  if (folder.empty() || std::filesystem::is_directory(folder, ignored)) {
    return {};
  }
  return {StatusCode::kUnavailable,
          fmt::format("spec.database.path {}: there is no directory {}; create it or correct the "
                      "path (the file itself is created when it is missing)",
                      path, folder.string()),
          "NoDatabaseDirectory"};
}

class Database final : public SchemaDatabase {
 public:
  Database(std::string path, Clock& clock, Trace trace)
      : path_(std::move(path)), clock_(clock), trace_(std::move(trace)) {}

  Result<SchemaState> read() override {
    auto connection = Connection::open(path_, OpenMode::kReadWrite);
    if (!connection) {
      if (connection.error().code() == StatusCode::kNotFound) {
        RETURN_IF_ERROR(check_folder(path_));
        return SchemaState{};
      }
      return as_return(connection.error());
    }
    Result<SchemaState> state = read_state(*connection);
    return state ? std::move(state) : as_return(state.error().annotated(path_));
  }

  Result<std::unique_ptr<SchemaSession>> lock(Duration patience, std::stop_token stop) override {
    RETURN_IF_ERROR(check_folder(path_));
    trace_point(trace_, "before locking");
    ASSIGN_OR_RETURN(FileLock lock,
                     FileLock::acquire(database_lock_file(path_), patience, clock_, stop));
    trace_point(trace_, "after locking");
    ASSIGN_OR_RETURN(Connection connection, Connection::open(path_, OpenMode::kCreate));
    RETURN_IF_ERROR(connection.execute("PRAGMA foreign_keys = OFF"));
    RETURN_IF_ERROR(prune_records(connection));
    return make_session(std::move(connection), std::move(lock), clock_, trace_);
  }

 private:
  std::string path_;
  Clock& clock_;
  Trace trace_;
};

}  // namespace

Result<std::unique_ptr<SchemaDatabase>> SqliteSchemas::open(const DatabaseRef& ref) {
  if (ref.path.empty()) {
    return error(StatusCode::kInvalidArgument,
                 "spec.database.path is empty; write the path of the SQLite file",
                 "NoDatabasePath");
  }
  return std::make_unique<Database>(ref.path, clock_, trace_);
}

}  // namespace ripcord::sqlite
