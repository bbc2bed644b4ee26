// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sends one BodyStream on a thread of its own, a piece after the other: the next is asked for when
// the peer took the last, so nothing is buffered for a peer that does not read.

#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/ports/http_service.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace ripcord::http {

// One text on its way to the peer: the sender waits, the connection says how it went. Thread-safe.
class Delivery {
 public:
  explicit Delivery(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }
  // The first word counts.
  void ended(bool taken);
  bool wait();  // true: the peer took all of it

 private:
  const std::string text_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<bool> taken_ GUARDED_BY(mutex_);
};

class StreamSender {
 public:
  struct Start {
    std::string head;
    bool chunked = true;
    std::unique_ptr<BodyStream> body;
    Logger log;  // of an exception of the body
    // Both on the sender's thread. on_end is its last act; `proper`: the body came to its end.
    std::function<void(std::shared_ptr<Delivery>)> deliver;
    std::function<void(bool proper)> on_end;
  };
  explicit StreamSender(Start start);
  // Asks the stream to end; it then ends the body properly if the peer still reads.
  void request_stop();
  // For when nobody delivers any more: what is on its way was not taken, nor is what follows.
  void abandon();
  // Stops and joins.
  ~StreamSender();

  StreamSender(const StreamSender&) = delete;
  StreamSender& operator=(const StreamSender&) = delete;

 private:
  bool send(const Start& start, std::string text);
  bool pump(const Start& start, const std::stop_token& stop);

  Mutex mutex_;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<Delivery> under_way_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses the others
};

}  // namespace ripcord::http
