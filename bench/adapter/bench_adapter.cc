// SPDX-License-Identifier: Apache-2.0
// Messages a second through ripcord-adapter and through a bare read-parse-print loop, in one run:
// all at once (throughput) and each after the previous reply (turns).
#include "tests/support/paths/paths.h"
#include "tests/support/process.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace ripcord;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 3;
constexpr int kPiped = 5000;
constexpr int kTurns = 1000;
constexpr int kFlags = 100;

std::string message(int id) {
  return fmt::format(
      R"({{"src": "bench", "dest": "features", "body": {{"type": "disable_feature", "msg_id": {}, )"
      R"("feature": "flag_{}"}}}})"
      "\n",
      id, id % kFlags);
}

ProcessOptions child(const std::string& binary) {
  ProcessOptions options;
  options.argv = {ripcord::bin_dir() + "/" + binary};
  options.pipe_stdin = true;
  return options;
}

void require(bool ok, const std::string& what) {
  if (!ok) {
    fmt::print(stderr, "bench_adapter: {}\n", what);
    std::exit(1);
  }
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double piped(const std::string& binary) {
  std::string input;
  for (int id = 0; id < kPiped; ++id) {
    input += message(id);
  }
  const auto start = Clock::now();
  const RunResult result = run(child(binary), input, std::chrono::minutes(5));
  const double took = seconds_since(start);
  require(result.exit_code == 0 && std::count(result.out.begin(), result.out.end(), '\n') == kPiped,
          binary + " did not answer every message: " + result.err.substr(0, 500));
  return kPiped / took;
}

double turns(const std::string& binary) {
  ChildProcess process(child(binary));
  process.write_stdin(message(0));
  require(process.read_line().has_value(), binary + " does not answer");
  const auto start = Clock::now();
  for (int id = 1; id <= kTurns; ++id) {
    process.write_stdin(message(id));
    require(process.read_line().has_value(), binary + " does not answer");
  }
  return kTurns / seconds_since(start);
}

// The middle one of three rounds; the two programs take turns, so that both see the same machine.
void compare(const std::string& name, double (*measure)(const std::string&)) {
  std::vector<double> adapter;
  std::vector<double> floor;
  for (int round = 0; round < kRounds; ++round) {
    floor.push_back(measure("bench_adapter_floor"));
    adapter.push_back(measure("ripcord-adapter"));
  }
  std::sort(adapter.begin(), adapter.end());
  std::sort(floor.begin(), floor.end());
  const double ours = adapter[kRounds / 2];
  const double bare = floor[kRounds / 2];
  fmt::print("| {:<28} | {:>12.0f} | {:>12.0f} | {:>6.3f} |\n", name, ours, bare, ours / bare);
}

}  // namespace

int main() {
  fmt::print("| {:<28} | {:>12} | {:>12} | {:>6} |\n", "messages a second", "adapter", "bare loop",
             "ratio");
  fmt::print("|{:-<30}|{:->14}|{:->14}|{:->8}|\n", "", "", "", "");
  compare("all at once", piped);
  compare("each after the reply before", turns);
}
