// SPDX-License-Identifier: Apache-2.0
#include "adapters/embedded/object_file.h"

#include "controller/codec/codec.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::embedded {
namespace {

constexpr std::string_view kWriting = "write to the store";

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
  constexpr std::string_view kLoading = "read the store";
  StoredObjects stored;
  ASSIGN_OR_RETURN(
      Statement rows,
      Statement::prepare(*connection_, "SELECT body, kind, namespace, name FROM objects"));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, rows.step(kLoading));
    if (!row) {
      break;
    }
    Result<Resource> object = codec::decode(rows.text(0));
    if (!object) {
      return error(StatusCode::kInternal,
                   fmt::format("the store holds a {} {}/{} that cannot be read: {}; delete that "
                               "row with sqlite3, or restore the data directory from a backup",
                               rows.text(1), rows.text(2), rows.text(3), object.error().message()),
                   "Corrupt");
    }
    stored.version = std::max(stored.version, object->meta.resource_version);
    stored.objects.push_back(std::make_shared<const Resource>(*std::move(object)));
  }
  ASSIGN_OR_RETURN(Statement last,
                   Statement::prepare(*connection_, "SELECT last_version FROM deletions"));
  ASSIGN_OR_RETURN(const bool found, last.step(kLoading));
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
