// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_database.h"

#include "adapters/postgres/at_risk.h"
#include "adapters/postgres/connection.h"
#include "adapters/postgres/migration_locks.h"
#include "adapters/postgres/schema_session.h"
#include "adapters/postgres/schema_tables.h"
#include "adapters/postgres/tombstones.h"

namespace ripcord::postgres {
namespace {

class Database final : public SchemaDatabase {
 public:
  Database(std::string url, std::string what, Clock& clock, Trace trace)
      : url_(std::move(url)), what_(std::move(what)), clock_(clock), trace_(std::move(trace)) {}

  Result<SchemaState> read() override {
    RETURN_IF_ERROR(connect());
    Result<SchemaState> state = read_state(*reader_);
    if (!state) {
      reader_.reset();
      return as_return(state.error().annotated(what_));
    }
    return state;
  }

  Result<std::string> why_not_put_aside(const std::vector<DataLoss>& drops) override {
    RETURN_IF_ERROR(connect());
    auto obstacle = find_obstacle(*reader_, drops);
    return obstacle ? std::move(obstacle) : as_return(obstacle.error().annotated(what_));
  }

  Result<std::vector<DataAtRisk>> count(const std::vector<LossAtRisk>& losses,
                                        std::stop_token stop) override {
    auto connection = Connection::open(url_, {}, stop);
    if (!connection) {
      return as_return(connection.error().annotated(what_));
    }
    return count_at_risk(*connection, losses, stop);
  }

  Result<std::unique_ptr<SchemaSession>> lock(Duration patience, std::stop_token stop) override {
    ConnectOptions options;
    options.application_name = "ripcord migrations";
    auto opened = Connection::open(url_, options, stop);
    if (!opened) {
      return as_return(opened.error().annotated(what_));
    }
    Connection connection = std::move(*opened);
    RETURN_IF_ERROR(prepare_session(connection));
    ASSIGN_OR_RETURN(SchemaTables tables, find_tables(connection));
    trace_point(trace_, "before locking");
    RETURN_IF_ERROR(acquire(connection, MigrationLocks::of(tables), patience, clock_, stop));
    trace_point(trace_, "after locking");
    // What was there before the lock may have changed while we waited for it.
    ASSIGN_OR_RETURN(tables, find_tables(connection));
    RETURN_IF_ERROR(prune_records(connection, tables));
    const auto open = [url = url_](std::stop_token asked) {
      ConnectOptions queue;
      queue.application_name = "ripcord migration queue";
      return Connection::open(url, queue, std::move(asked));
    };
    return make_session(std::move(connection), open, std::move(tables), clock_, trace_);
  }

 private:
  Status connect() {
    if (!reader_ || !reader_->alive()) {
      auto opened = Connection::open(url_);
      if (!opened) {
        return opened.error().annotated(what_);
      }
      reader_ = std::make_unique<Connection>(std::move(*opened));
    }
    return {};
  }

  std::string url_;
  std::string what_;
  Clock& clock_;
  Trace trace_;
  std::unique_ptr<Connection> reader_;
};

}  // namespace

Result<std::unique_ptr<SchemaDatabase>> PostgresSchemas::open(const DatabaseRef& ref) {
  ASSIGN_OR_RETURN(std::string url, resolve_url(ref, secrets_));
  return std::make_unique<Database>(std::move(url), describe(ref), clock_, trace_);
}

}  // namespace ripcord::postgres
