// SPDX-License-Identifier: Apache-2.0
#pragma once
// A MigrationVersion with transitions in a store in memory over a real database: the whole
// reconciler, run as often as asked, and the database asked by a client of its own. The users of
// the tests have an email (version 2), which becomes their address (version 3); version 4 drops it.

#include "adapters/memory/object_store.h"
#include "adapters/migrationdir/migration_directory.h"
#include "adapters/pgquery/inspector.h"
#include "adapters/postgres/schema_database.h"
#include "adapters/sqlite/inspector.h"
#include "adapters/sqlite/schema_database.h"
#include "controller/base/mutex.h"
#include "controller/strategies/migration_version.h"
#include "tests/support/process.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ripcord {

// One client of a database. Failures are Status, never thrown.
class Client {
 public:
  virtual ~Client() = default;
  virtual Status run(const std::string& sql) = 0;
  // "1|a\n2|b"; NULL is "-". Fails the test when the database refuses.
  virtual std::string ask(const std::string& sql) = 0;
  virtual Result<std::string> query(const std::string& sql) = 0;
};

class CountedMetrics final : public MetricSink {
 public:
  void add(const MetricDescriptor& m, LabelValues labels, double delta) override;
  void set(const MetricDescriptor& m, LabelValues labels, double value) override;
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor& m, LabelValues labels) override;
  double value(const std::string& name) const;  // "ripcord_x app"; -1 when it is not there
  bool has(const std::string& part) const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, double> values_ GUARDED_BY(mutex_);
};

struct Setup {
  Engine engine = Engine::kPostgreSql;
  std::vector<Migration> migrations;
  std::vector<Transition> transitions;
};

// sync, backfill and validations of users.email -> users.address, lower(email).
Transition email_to_address();
// Versions 1 to 4, see above. `more` columns of users: ", touched integer not null default 0".
std::vector<Migration> email_migrations(Engine engine, const std::string& more = "");

class World {
 public:
  explicit World(Setup setup, Trace trace = {});
  // In a database that is there.
  World(Setup setup, const std::string& url);
  // A second controller of the database of another.
  World(const World& other, Trace trace);

  Outcome reconcile(std::stop_token stop = {});
  // Until nothing is left to be done at once; "Ready", or reason and message of why not.
  std::string settle();
  std::string verdict() const;
  void edit(const std::function<void(MigrationVersionSpec&)>& change);
  // Declares and approves the version, and settles.
  std::string go(std::int64_t version);
  MigrationVersionStatus status() const;
  TransitionStatus transition(std::size_t index = 0) const {
    return status().transitions.at(index);
  }
  std::string phase() const { return std::string(to_string(transition().phase)); }
  void remove();

  std::unique_ptr<Client> client() const;
  const DatabaseRef& ref() const { return ref_; }
  void set_shadows(ShadowDatabases& shadows) { tools_.shadows = &shadows; }

  CountedMetrics metrics;

 private:
  World(std::shared_ptr<TempDir> directory, DatabaseRef ref, Trace trace);
  World(const Setup& setup, const std::shared_ptr<TempDir>& directory, Trace trace);
  static DatabaseRef fresh(Engine engine, TempDir& directory);
  void declare(Setup setup);

  std::shared_ptr<TempDir> directory_;
  DatabaseRef ref_;
  const ObjectKey key_{Kind::kMigrationVersion, "default", "app"};
  SystemClock clock_;
  postgres::PostgresSchemas postgres_;
  sqlite::SqliteSchemas sqlite_;
  pgquery::PostgresInspector pg_inspector_;
  sqlite::SqliteInspector sqlite_inspector_;
  migrationdir::MigrationDirectory source_;
  MemoryObjectStore store_{clock_};
  MigrationTools tools_;
  int asked_ = 0;
};

bool can_run(Engine engine);

}  // namespace ripcord
