// SPDX-License-Identifier: Apache-2.0
#include "controller/app/signals.h"

#include <pthread.h>
#include <unistd.h>

namespace ripcord::app {
namespace {

constexpr int kInterruptedTwice = 130;

void wait_for_signals(const std::stop_token& ended, std::stop_source& source) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  for (int caught = 0; !ended.stop_requested();) {
    const bool signalled = sigwait(&wanted, &caught) == 0 && !ended.stop_requested();
    if (signalled && !source.request_stop()) {
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

// Woken by a signal to itself: a command that has ended must not wait for it.
StopSignals::~StopSignals() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), SIGTERM);
}

}  // namespace ripcord::app
