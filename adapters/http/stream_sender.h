// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sends one BodyStream to a connected socket on a thread of its own. A peer that takes nothing for
// `stall_limit` is dropped. The descriptor is borrowed and must stay open until the sender is gone.

#include "controller/base/log.h"
#include "controller/ports/http_service.h"

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace ripcord::http {

class StreamSender {
 public:
  struct Start {
    int fd = -1;
    std::string head;
    bool chunked = true;
    Duration stall_limit{};
    std::unique_ptr<BodyStream> body;
    Logger log;                    // of an exception of the body
    std::function<void()> on_end;  // on the sender's thread, as its last act
  };
  explicit StreamSender(Start start);
  // Asks the stream to end; it then ends the body properly if the peer still reads.
  void request_stop();
  // Stops and joins.
  ~StreamSender();

  StreamSender(const StreamSender&) = delete;
  StreamSender& operator=(const StreamSender&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace ripcord::http
