// SPDX-License-Identifier: Apache-2.0
#include "bench/ofrep/floors.h"

#include "adapters/http/server.h"
#include "bench/ofrep/flags.h"
#include "bench/ofrep/load.h"
#include "controller/codec/codec.h"

#include <array>
#include <atomic>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::bench {
namespace {

namespace fs = std::filesystem;

// Answers with a number.
class Numbered final : public HttpService {
 public:
  ServedResponse serve(const ServedRequest&) override {
    ServedResponse response;
    response.body = fmt::format("{{\"number\":{}}}", number.load());
    return response;
  }
  std::atomic<int> number = 0;
};

struct Endpoint {
  Endpoint() {
    const auto listening = server.listen("127.0.0.1:0", service);
    if (!listening) {
      give_up(listening.error().message());
    }
    port = *listening;
  }
  Numbered service;
  http::HttpServer server;
  std::uint16_t port = 0;
};

std::string content(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::array<char, 4096> bytes;
  const ssize_t n = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  return {bytes.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

// Counts the files that were renamed into `directory` and read, until asked to stop.
void follow(const fs::path& path, std::atomic<int>& seen, const std::stop_token& stop) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ::inotify_add_watch(fd, path.parent_path().c_str(), IN_MOVED_TO);
  seen = 0;
  while (!stop.stop_requested()) {
    pollfd poller{fd, POLLIN, 0};
    std::array<char, 65536> events;
    if (::poll(&poller, 1, 100) > 0 && ::read(fd, events.data(), events.size()) > 0 &&
        !content(path).empty()) {
      ++seen;
    }
  }
  ::close(fd);
}

}  // namespace

void overwrite(const fs::path& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    give_up("cannot write " + path.string());
  }
  ::close(fd);
}

void save(const fs::path& path, const std::string& text) {
  const fs::path beside = path.string() + ".tmp";
  overwrite(beside, text);
  fs::rename(beside, path);
}

std::vector<double> round_trips(int count) {
  Endpoint endpoint;
  Connection client(endpoint.port);
  const std::string request = post("/hello");
  std::vector<double> took;
  for (int i = 0; i < count; ++i) {
    const auto start = Steady::now();
    client.ask(request);
    took.push_back(us_since(start));
  }
  return took;
}

std::vector<double> commits(const fs::path& path, int count) {
  sqlite3* db = nullptr;
  sqlite3_stmt* insert = nullptr;
  const std::string body(codec::encode(flag(0)).size(), 'x');
  if (sqlite3_open(path.c_str(), &db) != SQLITE_OK ||
      sqlite3_exec(db,
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)",
                   nullptr, nullptr, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(db, "INSERT INTO t(body) VALUES(?1)", -1, &insert, nullptr) != SQLITE_OK) {
    give_up(sqlite3_errmsg(db));
  }
  sqlite3_bind_text(insert, 1, body.c_str(), -1, SQLITE_STATIC);
  std::vector<double> took;
  for (int i = 0; i < count; ++i) {
    const auto start = Steady::now();
    sqlite3_step(insert);
    took.push_back(us_since(start));
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return took;
}

std::vector<double> reread_files(const fs::path& path, const std::string& text, int count) {
  Endpoint endpoint;
  endpoint.service.number = -1;
  std::jthread follower(
      [&](const std::stop_token& stop) { follow(path, endpoint.service.number, stop); });
  while (endpoint.service.number < 0) {
    std::this_thread::yield();
  }
  Connection client(endpoint.port);
  const std::string request = post("/number");
  std::vector<double> took;
  for (int i = 1; i <= count; ++i) {
    const std::string wanted = fmt::format("\"number\":{}}}", i);
    const auto start = Steady::now();
    save(path, text);
    while (client.ask(request).find(wanted) == std::string::npos) {
    }
    took.push_back(us_since(start));
  }
  return took;
}

}  // namespace ripcord::bench
