// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads messages from one file descriptor and writes each reply to another at once, one a line.
// What cannot be answered goes to the log and costs nothing else. One thread calls run().

#include "adapters/stdio/message_adapter.h"
#include "adapters/stdio/message_scanner.h"
#include "controller/base/log.h"

#include <stop_token>
#include <string>

namespace ripcord::stdio {

struct SessionSettings {
  // False: every reply before the next message is looked at, so replies come in order. True: one
  // line of work per type of message, so that a long restore delays no kill switch.
  bool concurrent = false;
};

class Session {
 public:
  // The adapter must outlive it.
  Session(MessageAdapter& adapter, Logger log, SessionSettings settings)
      : adapter_(adapter), log_(std::move(log)), settings_(settings) {}

  // Ok at the end of the input, after every reply was written, and when `stop` is requested.
  // Unavailable when input or output broke. SIGPIPE must be ignored by the process.
  Status run(int in, int out, std::stop_token stop);

 private:
  Status write_line(std::string line);
  void report(const Scanned& problem) const;

  MessageAdapter& adapter_;
  const Logger log_;
  const SessionSettings settings_;
  Mutex mutex_;
  int out_ GUARDED_BY(mutex_) = -1;
  Status written_ GUARDED_BY(mutex_);  // the first failure to write
};

}  // namespace ripcord::stdio
