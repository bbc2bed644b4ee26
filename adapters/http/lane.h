// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to server.cc, the only file that Boost is compiled in: an I/O thread with the connections
// that live on it, and what all threads of a server share.

#include "adapters/http/server.h"
#include "controller/base/mutex.h"

#include <memory>
#include <unordered_set>
#include <utility>

#include <boost/asio.hpp>

namespace ripcord::http {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using Steady = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor>;

// Connections and streams that are open, over all lanes.
class Census {
 public:
  explicit Census(std::size_t limit) : limit_(limit) {}
  bool enter() {
    const MutexLock lock(mutex_);
    return count_ < limit_ && ++count_ > 0;
  }
  void leave() {
    const MutexLock lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  void wait_empty(Steady::time_point deadline) {
    const MutexLock lock(mutex_);
    while (count_ > 0 && changed_.wait_until(mutex_, deadline)) {
    }
  }

 private:
  const std::size_t limit_;
  Mutex mutex_;
  CondVar changed_;
  std::size_t count_ GUARDED_BY(mutex_) = 0;
};

struct Shared {
  Shared(const ServerLimits& l, Logger logger)
      : limits(l), log(std::move(logger)), connections(l.connections), streams(l.streams) {}
  const ServerLimits limits;
  const Logger log;
  Census connections;
  Census streams;
};

class Session;

// One I/O thread and the connections that live on it; touched by that thread only.
struct Lane {
  asio::io_context io{1};
  asio::executor_work_guard<Executor> work{io.get_executor()};
  Timer sweep{io};
  std::unordered_set<std::shared_ptr<Session>> sessions;
  bool stopping = false;
};

}  // namespace ripcord::http
