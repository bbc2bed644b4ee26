// SPDX-License-Identifier: Apache-2.0
#pragma once
// The least that can be done for each measurement, without anything of ours but the HTTP server;
// run in turns with what it is compared to. Each call gives microseconds.

#include "adapters/http/server.h"
#include "bench/ofrep/load.h"

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

struct sqlite3;
struct sqlite3_stmt;

namespace ripcord::bench {

// Writes `path` anew, or writes `path` + ".tmp" and renames it over `path`.
void overwrite(const std::filesystem::path& path, const std::string& text);
void save(const std::filesystem::path& path, const std::string& text);

// Answers with a number.
class Numbered final : public HttpService {
 public:
  ServedResponse serve(const ServedRequest&) override;
  std::atomic<int> number = 0;
};

class HelloFloor {
 public:
  HelloFloor();
  double round_trip();
  Numbered service;

 protected:
  std::string request_;
  http::HttpServer server_;
  std::optional<Connection> client_;
};

// A file is saved; a thread that waits in inotify reads it; a client asks over HTTP until it sees
// that.
class FileFloor final : HelloFloor {
 public:
  FileFloor(std::filesystem::path path, std::string text);
  double reread();

 private:
  std::filesystem::path path_;
  std::string text_;
  int saved_ = 0;
  std::jthread follower_;
};

// A row of the size of a flag in a SQLite file with WAL and synchronous=FULL.
class CommitFloor {
 public:
  explicit CommitFloor(const std::filesystem::path& path);
  ~CommitFloor();
  CommitFloor(const CommitFloor&) = delete;
  CommitFloor& operator=(const CommitFloor&) = delete;
  double commit();

 private:
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

}  // namespace ripcord::bench
