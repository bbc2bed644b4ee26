// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/transitions/world.h"

#include "adapters/postgres/connection.h"
#include "adapters/sqlite/connection.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

class NoEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

std::string text_of(const std::vector<std::vector<std::optional<std::string>>>& rows) {
  std::string text;
  for (const auto& row : rows) {
    text += text.empty() ? "" : "\n";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += (i == 0 ? "" : "|") + row[i].value_or("-");
    }
  }
  return text;
}

template <class Connection>
class ConnectedClient final : public Client {
 public:
  explicit ConnectedClient(Connection connection) : connection_(std::move(connection)) {}
  Status run(const std::string& sql) override { return status_of(connection_.execute(sql)); }
  std::string ask(const std::string& sql) override {
    const auto text = query(sql);
    EXPECT_TRUE(text) << sql << ": " << to_string(status_of(text));
    return text.value_or("refused");
  }
  Result<std::string> query(const std::string& sql) override {
    ASSIGN_OR_RETURN(const auto rows, connection_.query(sql));
    return text_of(rows.rows);
  }

 private:
  Connection connection_;
};

template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_string(result.error()));
  }
  return std::move(*result);
}

DatabaseRef at_url(const std::string& url) {
  DatabaseRef ref;
  ref.url = url;
  return ref;
}

std::string series(const MetricDescriptor& m, LabelValues labels) {
  std::string text(m.name);
  for (const auto label : labels) {
    text += " " + std::string(label);
  }
  return text;
}

}  // namespace

void CountedMetrics::add(const MetricDescriptor& m, LabelValues labels, double delta) {
  const MutexLock lock(mutex_);
  values_[series(m, labels)] += delta;
}
void CountedMetrics::set(const MetricDescriptor& m, LabelValues labels, double value) {
  const MutexLock lock(mutex_);
  values_[series(m, labels)] = value;
}
void CountedMetrics::remove(const MetricDescriptor& m, LabelValues labels) {
  const MutexLock lock(mutex_);
  values_.erase(series(m, labels));
}
double CountedMetrics::value(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto at = values_.find(name);
  return at == values_.end() ? -1 : at->second;
}
bool CountedMetrics::has(const std::string& part) const {
  const MutexLock lock(mutex_);
  return std::any_of(values_.begin(), values_.end(),
                     [&](const auto& each) { return each.first.find(part) != std::string::npos; });
}

bool can_run(Engine engine) {
  return engine != Engine::kPostgreSql || PostgresCluster::available();
}

Transition email_to_address() {
  Transition transition;
  transition.name = "email";
  transition.expand = 3;
  transition.contract = 4;
  transition.sync = TransitionSync{"users", "email", "address", "lower(email)", ""};
  transition.backfill = TransitionBackfill{.table = "users",
                                           .set = "address = lower(email)",
                                           .where = "address is null and email is not null",
                                           .key = "id",
                                           .batch_size = 100};
  transition.validations.push_back({.table = "users", .column = "address", .not_null = true});
  transition.validations.push_back(
      {.query = "select count(*) from users where address <> lower(email)", .max = 0});
  return transition;
}

std::vector<Migration> email_migrations(Engine engine, const std::string& more) {
  const std::string rows = engine == Engine::kPostgreSql
                               ? "SELECT g, 'User' || g FROM generate_series(1, 1000) g"
                               : "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g "
                                 "WHERE i < 1000) SELECT i, 'User' || i FROM g";
  const auto one = [](std::int64_t version, std::string up, std::string down) {
    return Migration{version, "m" + std::to_string(version), std::move(up), std::move(down), "",
                     ""};
  };
  return {
      one(1, "CREATE TABLE users (id integer PRIMARY KEY, email text" + more + ")",
          "DROP TABLE users"),
      one(2, "INSERT INTO users (id, email) " + rows, "DELETE FROM users"),
      one(3, "ALTER TABLE users ADD COLUMN address text", "ALTER TABLE users DROP COLUMN address"),
      one(4, "ALTER TABLE users DROP COLUMN email",
          "ALTER TABLE users ADD COLUMN email text; UPDATE users SET email = address"),
  };
}

DatabaseRef World::fresh(Engine engine, TempDir& directory) {
  DatabaseRef ref;
  ref.engine = engine;
  if (engine == Engine::kPostgreSql) {
    ref.url = shared_cluster().url(fresh_database(shared_cluster(), "transition"));
  } else {
    ref.path = directory / "app.db";
  }
  return ref;
}

World::World(std::shared_ptr<TempDir> directory, DatabaseRef ref, Trace trace)
    : directory_(std::move(directory)),
      ref_(std::move(ref)),
      postgres_(clock_, trace),
      sqlite_(clock_, trace),
      tools_{
          ref_.engine == Engine::kPostgreSql ? static_cast<SchemaDatabases&>(postgres_) : sqlite_,
          source_,
          ref_.engine == Engine::kPostgreSql ? static_cast<const SqlInspector&>(pg_inspector_)
                                             : sqlite_inspector_,
          metrics,
          clock_,
          std::chrono::seconds(20)} {}

World::World(Setup setup, Trace trace)
    : World(setup, std::make_shared<TempDir>(), std::move(trace)) {}

World::World(const Setup& setup, const std::shared_ptr<TempDir>& directory, Trace trace)
    : World(directory, fresh(setup.engine, *directory), std::move(trace)) {
  declare(setup);
}

World::World(const World& other, Trace trace)
    : World(other.directory_, other.ref_, std::move(trace)) {
  const auto spec = std::get<MigrationVersionSpec>(must(other.store_.get(key_))->spec);
  declare({ref_.engine, spec.source.inline_migrations, spec.transitions});
}

World::World(Setup setup, const std::string& url) : World(nullptr, at_url(url), Trace{}) {
  declare(std::move(setup));
}

void World::declare(Setup setup) {
  Resource object = make_resource(Kind::kMigrationVersion, key_.name);
  auto& spec = std::get<MigrationVersionSpec>(object.spec);
  spec.database = ref_;
  spec.source.inline_migrations = std::move(setup.migrations);
  spec.transitions = std::move(setup.transitions);
  spec.version = 0;
  spec.policy.down = DownPolicy::kAllow;
  spec.policy.data_loss = DataLossPolicy::kApprove;
  must(store_.create(object));
}

Outcome World::reconcile(std::stop_token stop) {
  NoEvents events;
  MigrationVersionStrategy strategy(tools_);
  StrategyReconciler reconciler(store_, strategy, events, metrics, clock_);
  return reconciler.reconcile({key_, "r1", std::move(stop), {}});
}

std::string World::settle() {
  for (int runs = 0; runs < 500; ++runs) {
    const Outcome outcome = reconcile();
    const auto* again = std::get_if<RequeueAfter>(&outcome);
    if (again == nullptr || !again->cause.ok()) {
      break;
    }
    clock_.sleep_for(again->delay.value_or(std::chrono::milliseconds(50)), {});
  }
  return verdict();
}

std::string World::verdict() const {
  const MigrationVersionStatus now = status();
  const Condition* ready = now.conditions.find(kReady);
  if (ready == nullptr) {
    return "no condition";
  }
  return ready->status == ConditionState::kTrue ? "Ready" : ready->reason + ": " + ready->message;
}

void World::edit(const std::function<void(MigrationVersionSpec&)>& change) {
  // The controller may write its status in between.
  for (int attempt = 0; attempt < 100; ++attempt) {
    Resource object = *must(store_.get(key_));
    change(std::get<MigrationVersionSpec>(object.spec));
    const auto written = store_.update(object);
    if (written || written.error().code() != StatusCode::kConflict) {
      EXPECT_OK(written);
      return;
    }
  }
  ADD_FAILURE() << "cannot be edited";
}

std::string World::go(std::int64_t version) {
  edit([&](MigrationVersionSpec& spec) {
    spec.version = version;
    spec.approval = MigrationApproval{version, "test", true, std::to_string(++asked_)};
  });
  return settle();
}

MigrationVersionStatus World::status() const {
  return std::get<MigrationVersionStatus>(must(store_.get(key_))->status);
}

void World::remove() {
  EXPECT_OK(store_.remove(key_));
  reconcile();
}

std::unique_ptr<Client> World::client() const {
  if (ref_.engine == Engine::kPostgreSql) {
    return std::make_unique<ConnectedClient<postgres::Connection>>(
        must(postgres::Connection::open(ref_.url)));
  }
  return std::make_unique<ConnectedClient<sqlite::Connection>>(
      must(sqlite::Connection::open(ref_.path, sqlite::OpenMode::kCreate)));
}

}  // namespace ripcord
