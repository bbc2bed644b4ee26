// SPDX-License-Identifier: Apache-2.0
#include "controller/base/clock.h"

#include <condition_variable>
#include <mutex>

namespace ripcord {

MonoTime SystemClock::now() const {
  return std::chrono::steady_clock::now();
}

WallTime SystemClock::wall_now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

bool SystemClock::sleep_for(Duration d, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any cv;
  std::unique_lock lock(mutex);
  cv.wait_for(lock, stop, d, [] { return false; });
  return !stop.stop_requested();
}

SimulatedClock::SimulatedClock()
    : mono_(std::chrono::hours(1)),
      wall_(std::chrono::sys_days(std::chrono::January / 15 / 2024) + std::chrono::hours(12)) {}

MonoTime SimulatedClock::now() const {
  MutexLock lock(mutex_);
  return mono_;
}

WallTime SimulatedClock::wall_now() const {
  MutexLock lock(mutex_);
  return wall_;
}

bool SimulatedClock::sleep_for(Duration d, std::stop_token stop) {
  if (stop.stop_requested()) {
    return false;
  }
  advance(d);
  return true;
}

void SimulatedClock::advance(Duration d) {
  MutexLock lock(mutex_);
  mono_ += d;
  wall_ += std::chrono::duration_cast<std::chrono::microseconds>(d);
}

void SimulatedClock::set_wall(WallTime t) {
  MutexLock lock(mutex_);
  wall_ = t;
}

}  // namespace ripcord
