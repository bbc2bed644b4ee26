// SPDX-License-Identifier: Apache-2.0
#pragma once
// SIGINT and SIGTERM as a stop token; SIGPIPE ignored. A second signal ends the process at once.
// Make it first in main: threads started later inherit the mask.

#include <csignal>
#include <stop_token>
#include <thread>

namespace ripcord::app {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace ripcord::app
