// SPDX-License-Identifier: Apache-2.0
#pragma once
// A client that works all the time: connects, asks `select 1`, connects again when thrown out. What
// it sees is what users see. Owns one thread between start() and finish(); used from one thread.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"

#include <optional>
#include <string>
#include <thread>

namespace ripcord::postgres {

class OutageProber {
 public:
  // `clock` outlives the prober.
  OutageProber(std::string url, Clock& clock) : url_(std::move(url)), clock_(clock) {}

  // Waits for the first answer, at most 5 s. Without one there is nothing to measure.
  void start();
  // Waits for one more answer (at most 10 s) and ends. The longest time between two answers; zero
  // when it was not started.
  Duration finish();

 private:
  void probe(const std::stop_token& stop);
  void record_answer();
  bool wait_for_answers(int more, Duration patience);

  const std::string url_;
  Clock& clock_;
  Mutex mutex_;
  CondVar answered_;
  std::optional<MonoTime> last_ GUARDED_BY(mutex_);
  Duration longest_ GUARDED_BY(mutex_){};
  int answers_ GUARDED_BY(mutex_) = 0;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace ripcord::postgres
