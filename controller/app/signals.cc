// SPDX-License-Identifier: Apache-2.0
#include "controller/app/signals.h"

#include <ctime>
#include <unistd.h>

namespace ripcord::app {
namespace {

constexpr int kInterruptedTwice = 130;

void wait_for_signals(const std::stop_token& ended, std::stop_source& source) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  while (!ended.stop_requested()) {
    const timespec slice{0, 100'000'000};
    if (sigtimedwait(&wanted, nullptr, &slice) > 0 && !source.request_stop()) {
      _exit(kInterruptedTwice);
    }
  }
}

}  // namespace

StopSignals::StopSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  thread_ =
      std::jthread([this](const std::stop_token& ended) { wait_for_signals(ended, source_); });
}

StopSignals::~StopSignals() = default;

}  // namespace ripcord::app
