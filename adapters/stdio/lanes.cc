// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/lanes.h"

#include <utility>

namespace ripcord::stdio {

Lanes::Lanes(std::size_t count, Work work, std::size_t most_waiting)
    : work_(std::move(work)), most_waiting_(most_waiting) {
  for (std::size_t i = 0; i < count; ++i) {
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>());
    lane.thread = std::jthread([this, &lane](std::stop_token stop) { serve(lane, stop); });
  }
}

Lanes::~Lanes() {
  request_stop();
}

void Lanes::request_stop() {
  for (const auto& lane : lanes_) {
    lane->thread.request_stop();
  }
}

void Lanes::push(std::size_t index, codec::Message message) {
  Lane& lane = *lanes_[index % lanes_.size()];
  const std::stop_token stopped = lane.thread.get_stop_token();
  MutexLock lock(lane.mutex);
  while (lane.waiting.size() >= most_waiting_ && !stopped.stop_requested()) {
    lane.changed.wait(lane.mutex);
  }
  lane.waiting.push_back(std::move(message));
  lane.changed.notify_all();
}

void Lanes::finish() {
  for (const auto& lane : lanes_) {
    MutexLock lock(lane->mutex);
    lane->closed = true;
    lane->changed.notify_one();
  }
  for (const auto& lane : lanes_) {
    lane->thread.join();
  }
}

void Lanes::serve(Lane& lane, std::stop_token stop) {
  const std::stop_callback wake(stop, [&lane] {
    MutexLock lock(lane.mutex);
    lane.changed.notify_all();
  });
  for (;;) {
    codec::Message message;
    {
      MutexLock lock(lane.mutex);
      while (lane.waiting.empty() && !lane.closed && !stop.stop_requested()) {
        lane.changed.wait(lane.mutex);
      }
      if (lane.waiting.empty() || stop.stop_requested()) {
        return;
      }
      message = std::move(lane.waiting.front());
      lane.waiting.pop_front();
      lane.changed.notify_all();
    }
    work_(message, stop);
  }
}

}  // namespace ripcord::stdio
