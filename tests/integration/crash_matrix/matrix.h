// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the crash matrices of both engines share: how much of the matrix runs, and a controller that
// is killed at every point it passes. The whole product runs with RIPCORD_CRASH_MATRIX=full
// (minutes); else layouts other than golang-migrate's get a sample, drawn anew each time from a
// seed that is printed and can be given back as RIPCORD_CRASH_SEED.

#include "controller/base/trace.h"
#include "tests/integration/migrations/harness.h"

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace ripcord {

bool whole_matrix();
std::uint32_t matrix_seed();
// The same for the same seed and text: is this one of the `percent` that are tried?
bool sampled(std::string_view text, int percent);
std::mt19937& matrix_random();

// The versions at which the way from one end to the other is cut into short ones, so that a restart
// need not plan all of it: {3, 6 ... top}, or {top - 3 ... bottom}.
std::vector<int> legs(int from, int to);

// How a controller process ended.
inline constexpr int kConverged = 0;
inline constexpr int kRefused = 1;      // Stalled, or waits for somebody; told on standard error
inline constexpr int kInterrupted = 3;  // lost its connection, and would try again
int exit_code_of(const Harness& harness);
pid_t start_forked(const std::function<int()>& body);  // as run_forked(), not waited for
int wait_forked(pid_t pid);
std::optional<int> ended(pid_t pid);  // without waiting

// Lines that only one of the two texts has.
std::string differences(const std::string& want, const std::string& got);

// Kills the process at the first point that is not in `killed`; a point is told from the next by
// what is committed when it is passed. Its name can be read by the parent.
class PointKiller {
 public:
  // `committed`: asked of the database at every point.
  PointKiller(std::function<std::string()> committed, int percent);
  ~PointKiller();
  PointKiller(const PointKiller&) = delete;
  PointKiller& operator=(const PointKiller&) = delete;

  void pass(std::string_view point);  // in the child
  void remember();                    // in the parent, after a kill
  std::size_t kills() const { return killed_.size(); }
  std::string last() const { return report_; }

 private:
  std::function<std::string()> committed_;
  int percent_;
  std::set<std::string> killed_;
  std::string state_;
  std::map<std::string, int, std::less<>> passed_;
  char* report_;  // shared with the child
};

}  // namespace ripcord
