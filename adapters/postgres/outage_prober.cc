// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/outage_prober.h"

#include "adapters/postgres/connection.h"

#include <algorithm>

namespace ripcord::postgres {
namespace {

constexpr auto kPause = std::chrono::milliseconds(1);
constexpr auto kStartPatience = std::chrono::seconds(5);
constexpr auto kFinishPatience = std::chrono::seconds(10);

}  // namespace

void OutageProber::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { probe(stop); });
  wait_for_answers(1, kStartPatience);
}

Duration OutageProber::finish() {
  if (!thread_.joinable()) {
    return {};
  }
  // Two: the first may have been under way before the caller was done.
  const bool answered = wait_for_answers(2, kFinishPatience);
  thread_.request_stop();
  thread_.join();
  const MutexLock lock(mutex_);
  if (!answered && last_) {
    longest_ = std::max(longest_, clock_.now() - *last_);
  }
  return longest_;
}

void OutageProber::probe(const std::stop_token& stop) {
  std::optional<Connection> connection;
  while (!stop.stop_requested()) {
    if (!connection) {
      if (auto opened = Connection::open(url_, {}, stop)) {
        connection = std::move(*opened);
      }
    }
    if (connection) {
      if (connection->execute("select 1", stop)) {
        record_answer();
      } else {
        connection.reset();
        continue;
      }
    }
    clock_.sleep_for(kPause, stop);
  }
}

void OutageProber::record_answer() {
  const MutexLock lock(mutex_);
  const MonoTime now = clock_.now();
  if (last_) {
    longest_ = std::max(longest_, now - *last_);
  }
  last_ = now;
  ++answers_;
  answered_.notify_all();
}

bool OutageProber::wait_for_answers(int more, Duration patience) {
  const MutexLock lock(mutex_);
  const int wanted = answers_ + more;
  const MonoTime deadline = clock_.now() + patience;
  while (answers_ < wanted) {
    if (!answered_.wait_until(mutex_, deadline)) {
      return answers_ >= wanted;
    }
  }
  return true;
}

}  // namespace ripcord::postgres
