// SPDX-License-Identifier: Apache-2.0
#pragma once
// Until when this process may write to the API server. A lease alone fences nothing: a write that
// was decided while we led can leave long after. So the deadline is asked at the moment of sending,
// and it bounds the request's own timeout.

#include "controller/base/clock.h"

#include <string>

namespace ripcord::kubernetes {

class WriteFence {
 public:
  virtual ~WriteFence() = default;
  // How long a write that is sent now may take, on a clock that never goes back and counts time
  // spent suspended. Zero or less: it must not be sent. Thread-safe, never blocks.
  virtual Duration left() const = 0;
  // The name of the leadership of now, which no other has; empty when there is none, or nobody is
  // elected. See codec/leader_mark.h. Thread-safe, never blocks.
  virtual std::string leadership() const { return {}; }
};

}  // namespace ripcord::kubernetes
