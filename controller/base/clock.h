// SPDX-License-Identifier: Apache-2.0
#pragma once
// Time, injected. Durations are measured on the monotonic clock; the wall clock only stamps what
// people read, so setting it back changes no decision. Both clocks are safe for concurrent use.

#include "controller/base/mutex.h"

#include <chrono>
#include <stop_token>

namespace ripcord {

using Duration = std::chrono::nanoseconds;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

inline double to_seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  virtual WallTime wall_now() const = 0;
  // Returns after `d`, or at once with false when `stop` is requested.
  virtual bool sleep_for(Duration d, std::stop_token stop) = 0;
};

class SystemClock final : public Clock {
 public:
  MonoTime now() const override;
  WallTime wall_now() const override;
  bool sleep_for(Duration d, std::stop_token stop) override;
};

// Moves only when told, or when somebody sleeps on it: a sleeper advances it and returns at once,
// so an hour of virtual work takes no time. Starts at 2024-01-15T12:00:00Z.
class SimulatedClock final : public Clock {
 public:
  SimulatedClock();
  MonoTime now() const override;
  WallTime wall_now() const override;
  bool sleep_for(Duration d, std::stop_token stop) override;
  void advance(Duration d);
  // Sets the wall clock alone, forwards or back.
  void set_wall(WallTime t);

 private:
  mutable Mutex mutex_;
  MonoTime mono_ GUARDED_BY(mutex_);
  WallTime wall_ GUARDED_BY(mutex_);
};

}  // namespace ripcord
