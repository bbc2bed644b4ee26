// SPDX-License-Identifier: Apache-2.0
#include "adapters/embedded/object_file.h"

#include "controller/codec/codec.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::embedded {
namespace {

constexpr std::string_view kWriting = "write to the store";

constexpr std::string_view kReading = "read the store";

// Rows that are decoded together, by all processors: their text is in memory once more.
constexpr std::size_t kRowsAtOnce = 8192;
constexpr std::size_t kMostDecoders = 8;

// "RIPC": lets file(1) and a cautious opener tell the file from other SQLite databases.
constexpr std::int64_t kApplicationId = 0x52495043;

constexpr std::string_view kSchema = R"sql(
CREATE TABLE objects(
  kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY(kind, namespace, name)) STRICT;
-- The version of the last deletion. Objects carry theirs in the body.
CREATE TABLE deletions(id INTEGER PRIMARY KEY CHECK(id = 1), last_version INTEGER NOT NULL) STRICT;
INSERT INTO deletions VALUES(1, 0);
)sql";

Status configure(Connection& connection) {
  ASSIGN_OR_RETURN(const std::string mode, connection.query("PRAGMA journal_mode=WAL"));
  if (mode != "wal") {
    return {StatusCode::kFailedPrecondition,
            fmt::format("the file system of the data directory cannot hold a write-ahead log "
                        "(journal mode is {}); use a local disk",
                        mode)};
  }
  return connection.execute(
      "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
      "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-4096",
      "open the store");
}

Status check_schema(Connection& connection, const std::filesystem::path& path, const Trace& trace) {
  ASSIGN_OR_RETURN(const std::string found, connection.query("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const std::string tables,
                   connection.query("SELECT count(*) FROM sqlite_schema"));
  if (found == std::to_string(kSchemaVersion)) {
    return ok_status();
  }
  if (found != "0" || tables != "0") {
    return {StatusCode::kFailedPrecondition,
            fmt::format("{} has schema version {}, this ripcord knows {}: it was written by a "
                        "newer ripcord or by another program; run that version, or start with an "
                        "empty data directory",
                        path.string(), found, kSchemaVersion),
            "SchemaVersion"};
  }
  trace_point(trace, "store: before schema");
  RETURN_IF_ERROR(connection.execute(
      fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
                  kSchema, kApplicationId, kSchemaVersion),
      "make the store"));
  trace_point(trace, "store: after schema");
  return ok_status();
}

struct Row {
  std::string body;
  std::string name;  // kind, namespace and name, for messages
};

// Fewer than kRowsAtOnce: these were the last.
Result<std::vector<Row>> read_some(Statement& rows) {
  std::vector<Row> some;
  while (some.size() < kRowsAtOnce) {
    ASSIGN_OR_RETURN(const bool row, rows.step(kReading));
    if (!row) {
      break;
    }
    some.push_back({std::string(rows.text(0)),
                    fmt::format("{} {}/{}", rows.text(1), rows.text(2), rows.text(3))});
  }
  return some;
}

// In the order of `rows`; the error of the first that cannot be read.
Result<std::vector<ResourcePtr>> decode_all(const std::vector<Row>& rows) {
  std::vector<ResourcePtr> objects(rows.size());
  std::vector<Status> errors(rows.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < rows.size(); i = next++) {
      Result<Resource> object = codec::decode_stored(rows[i].body);
      if (object) {
        objects[i] = std::make_shared<const Resource>(*std::move(object));
      } else {
        errors[i] = std::move(object).error();
      }
    }
  };
  {
    const std::size_t processors = std::min<std::size_t>(std::thread::hardware_concurrency(),
                                                         std::min(rows.size(), kMostDecoders));
    std::vector<std::jthread> decoders;
    for (std::size_t i = 1; i < processors; ++i) {
      decoders.emplace_back(work);
    }
    work();
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!errors[i].ok()) {
      return error(StatusCode::kInternal,
                   fmt::format("the store holds a {} that cannot be read: {}; delete that row with "
                               "sqlite3, or restore the data directory from a backup",
                               rows[i].name, errors[i].message()),
                   "Corrupt");
    }
  }
  return objects;
}

}  // namespace

struct ObjectFile::Statements {
  Statement begin;
  Statement commit;
  Statement put;
  Statement erase;
  Statement deleted;
};

ObjectFile::ObjectFile(std::unique_ptr<Connection> connection, int checkpoint_pages, Trace trace)
    : connection_(std::move(connection)),
      checkpoint_pages_(checkpoint_pages),
      trace_(std::move(trace)),
      checkpoint_at_(checkpoint_pages) {}

ObjectFile::~ObjectFile() = default;

Result<std::unique_ptr<ObjectFile>> ObjectFile::open(const std::filesystem::path& path,
                                                     int checkpoint_pages, Trace trace) {
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::open(path));
  RETURN_IF_ERROR(configure(*connection));
  RETURN_IF_ERROR(check_schema(*connection, path, trace));
  std::unique_ptr<ObjectFile> file(
      new ObjectFile(std::move(connection), checkpoint_pages, std::move(trace)));
  RETURN_IF_ERROR(file->prepare());
  return file;
}

Status ObjectFile::prepare() {
  Connection& db = *connection_;
  ASSIGN_OR_RETURN(Statement begin, Statement::prepare(db, "BEGIN IMMEDIATE"));
  ASSIGN_OR_RETURN(Statement end, Statement::prepare(db, "COMMIT"));
  ASSIGN_OR_RETURN(Statement put,
                   Statement::prepare(db,
                                      "INSERT INTO objects VALUES(?1, ?2, ?3, ?4)"
                                      " ON CONFLICT DO UPDATE SET body = excluded.body"));
  ASSIGN_OR_RETURN(
      Statement erase,
      Statement::prepare(db, "DELETE FROM objects WHERE kind=?1 AND namespace=?2 AND name=?3"));
  ASSIGN_OR_RETURN(Statement deleted,
                   Statement::prepare(db, "UPDATE deletions SET last_version = ?1"));
  statements_ = std::make_unique<Statements>(Statements{
      std::move(begin), std::move(end), std::move(put), std::move(erase), std::move(deleted)});
  sqlite3_wal_hook(
      db.get(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<ObjectFile*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  return ok_status();
}

Result<StoredObjects> ObjectFile::load() {
  StoredObjects stored;
  ASSIGN_OR_RETURN(
      Statement rows,
      Statement::prepare(*connection_, "SELECT body, kind, namespace, name FROM objects"));
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const std::vector<Row> some, read_some(rows));
    more = some.size() == kRowsAtOnce;  // a step after the last row would begin again
    ASSIGN_OR_RETURN(const std::vector<ResourcePtr> objects, decode_all(some));
    for (const ResourcePtr& object : objects) {
      stored.version = std::max(stored.version, object->meta.resource_version);
    }
    stored.objects.insert(stored.objects.end(), objects.begin(), objects.end());
  }
  ASSIGN_OR_RETURN(Statement last,
                   Statement::prepare(*connection_, "SELECT last_version FROM deletions"));
  ASSIGN_OR_RETURN(const bool found, last.step(kReading));
  stored.version = std::max({stored.version, found ? last.integer(0) : 0, kEmptyStoreVersion});
  return stored;
}

Status ObjectFile::commit(std::span<const WatchEvent> changes) {
  const Status written = write_all(changes);
  if (!written.ok() && sqlite3_get_autocommit(connection_->get()) == 0) {
    // Fails only when SQLite rolled back by itself.
    sqlite3_exec(connection_->get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return written;
}

Status ObjectFile::write_all(std::span<const WatchEvent> changes) {
  trace_point(trace_, "store: before begin");
  RETURN_IF_ERROR(statements_->begin.run(kWriting));
  for (const WatchEvent& change : changes) {
    RETURN_IF_ERROR(write_one(change));
  }
  trace_point(trace_, "store: before commit");
  RETURN_IF_ERROR(statements_->commit.run(kWriting));
  trace_point(trace_, "store: after commit");
  return ok_status();
}

Status ObjectFile::write_one(const WatchEvent& change) {
  const Metadata& meta = change.object->meta;
  const bool deleted = change.type == WatchEvent::Type::kDeleted;
  Statement& statement = deleted ? statements_->erase : statements_->put;
  statement.bind(1, to_string(change.object->kind()));
  statement.bind(2, meta.ns);
  statement.bind(3, meta.name);
  if (deleted) {
    RETURN_IF_ERROR(statement.run(kWriting));
    statements_->deleted.bind(1, meta.resource_version);
    return statements_->deleted.run(kWriting);
  }
  const std::string body = codec::encode(*change.object);
  statement.bind(4, body);
  return statement.run(kWriting);
}

Status ObjectFile::checkpoint_if_due() {
  if (log_pages_ < checkpoint_at_) {
    return ok_status();
  }
  trace_point(trace_, "store: before checkpoint");
  errno = 0;  // sqlite_status reads it
  const int code = sqlite3_wal_checkpoint_v2(connection_->get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, nullptr);
  trace_point(trace_, "store: after checkpoint");
  if (code != SQLITE_OK) {
    // Not at every commit again: on a full disk each try costs a write that fails.
    checkpoint_at_ = log_pages_ + checkpoint_pages_;
    return sqlite_status(connection_->get(), code, "shorten the log of the store");
  }
  log_pages_ = 0;
  checkpoint_at_ = checkpoint_pages_;
  return ok_status();
}

}  // namespace ripcord::embedded
