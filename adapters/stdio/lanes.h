// SPDX-License-Identifier: Apache-2.0
#pragma once
// A few first-in first-out lines of messages, each with a thread of its own: a kill switch is not
// answered behind a restore that takes an hour. push() and finish() from one thread; destroying
// requests a stop and drops what waits.

#include "controller/base/mutex.h"
#include "controller/codec/message.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

namespace ripcord::stdio {

class Lanes {
 public:
  using Work = std::function<void(const codec::Message&, std::stop_token)>;
  // `work` is called by all lanes at once and must outlive this.
  Lanes(std::size_t count, Work work, std::size_t most_waiting = kMostWaiting);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // Waits while the lane is full: then the sender has to wait, too. Dropped once a stop is
  // requested.
  void push(std::size_t lane, codec::Message message);
  // Returns when everything that was pushed is done.
  void finish();
  void request_stop();

 private:
  struct Lane {
    Mutex mutex;
    CondVar changed;
    std::deque<codec::Message> waiting GUARDED_BY(mutex);
    bool closed GUARDED_BY(mutex) = false;
    std::jthread thread;  // last: stops before what it uses goes away
  };
  void serve(Lane& lane, std::stop_token stop);

  static constexpr std::size_t kMostWaiting = 1000;

  const Work work_;
  const std::size_t most_waiting_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace ripcord::stdio
