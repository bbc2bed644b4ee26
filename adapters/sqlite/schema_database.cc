// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/schema_database.h"

#include "adapters/sqlite/at_risk.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/file_lock.h"
#include "adapters/sqlite/schema_session.h"
#include "adapters/sqlite/schema_tables.h"
#include "adapters/sqlite/tombstones.h"

namespace ripcord::sqlite {
namespace {

class Database final : public SchemaDatabase {
 public:
  Database(std::string path, Clock& clock, Trace trace)
      : path_(std::move(path)), clock_(clock), trace_(std::move(trace)) {}

  Result<SchemaState> read() override {
    auto connection = Connection::open(path_, OpenMode::kReadWrite);
    if (!connection) {
      if (connection.error().code() == StatusCode::kNotFound) {
        return SchemaState{};
      }
      return as_return(connection.error().annotated("spec.database.path"));
    }
    Result<SchemaState> state = read_state(*connection);
    return state ? std::move(state) : as_return(state.error().annotated(path_));
  }

  Result<std::string> why_not_put_aside(const std::vector<DataLoss>& drops) override {
    ASSIGN_OR_RETURN(Connection connection, Connection::open(path_, OpenMode::kReadWrite));
    return find_obstacle(connection, drops);
  }

  Result<std::vector<DataAtRisk>> count(const std::vector<LossAtRisk>& losses,
                                        std::stop_token stop) override {
    ASSIGN_OR_RETURN(Connection connection, Connection::open(path_, OpenMode::kReadWrite));
    return count_at_risk(connection, losses, clock_, stop);
  }

  Result<std::unique_ptr<SchemaSession>> lock(Duration patience, std::stop_token stop) override {
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
