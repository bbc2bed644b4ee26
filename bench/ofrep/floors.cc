// SPDX-License-Identifier: Apache-2.0
#include "bench/ofrep/floors.h"

#include "bench/ofrep/flags.h"
#include "controller/codec/codec.h"

#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord::bench {
namespace {

namespace fs = std::filesystem;

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

ServedResponse Numbered::serve(const ServedRequest&) {
  ServedResponse response;
  response.body = fmt::format("{{\"number\":{}}}", number.load());
  return response;
}

HelloFloor::HelloFloor() : request_(post("/hello")) {
  const auto port = server_.listen("127.0.0.1:0", service);
  if (!port) {
    give_up(port.error().message());
  }
  client_.emplace(*port);
}

double HelloFloor::round_trip() {
  const auto start = Steady::now();
  client_->ask(request_);
  return us_since(start);
}

FileFloor::FileFloor(fs::path path, std::string text)
    : path_(std::move(path)), text_(std::move(text)) {
  service.number = -1;
  follower_ =
      std::jthread([this](const std::stop_token& stop) { follow(path_, service.number, stop); });
  while (service.number < 0) {
    std::this_thread::yield();
  }
}

double FileFloor::reread() {
  const std::string wanted = fmt::format("\"number\":{}}}", ++saved_);
  const auto start = Steady::now();
  save(path_, text_);
  while (client_->ask(request_).find(wanted) == std::string::npos) {
  }
  return us_since(start);
}

CommitFloor::CommitFloor(const fs::path& path) {
  if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK ||
      sqlite3_exec(db_,
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)",
                   nullptr, nullptr, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(db_, "INSERT INTO t(body) VALUES(?1)", -1, &insert_, nullptr) !=
          SQLITE_OK) {
    give_up(sqlite3_errmsg(db_));
  }
  const std::string body(codec::encode(flag(0)).size(), 'x');
  sqlite3_bind_text(insert_, 1, body.c_str(), -1, SQLITE_TRANSIENT);
}

CommitFloor::~CommitFloor() {
  sqlite3_finalize(insert_);
  sqlite3_close(db_);
}

double CommitFloor::commit() {
  const auto start = Steady::now();
  sqlite3_step(insert_);
  const double took = us_since(start);
  sqlite3_reset(insert_);
  return took;
}

}  // namespace ripcord::bench
