// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small HTTP/1.1 load generator: keep-alive connections, one request in flight on each, all on
// the calling thread.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace ripcord::bench {

struct Load {
  std::vector<double> latencies_us;  // one for each answer
  double seconds = 0;
  double per_second() const {
    return seconds > 0 ? static_cast<double>(latencies_us.size()) / seconds : 0;
  }
};

// Sends `request` again and again for `time`; an answer that does not start with "HTTP/1.1 200"
// ends the program.
Load run_load(std::uint16_t port, const std::string& request, int connections,
              std::chrono::milliseconds time);

// One blocking keep-alive connection; returns the whole answer.
class Connection {
 public:
  explicit Connection(std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  std::string ask(const std::string& request);

 private:
  int fd_;
};

// `values` is sorted in place; q in [0, 1].
double quantile(std::vector<double>& values, double q);

}  // namespace ripcord::bench
