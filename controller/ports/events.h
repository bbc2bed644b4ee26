// SPDX-License-Identifier: Apache-2.0
#pragma once
// What we tell people about an object, in the shape of events.k8s.io/v1. Recording never fails a
// reconcile.

#include "controller/model/kind.h"

#include <string>

namespace ripcord {

struct Event {
  enum class Type { kNormal, kWarning };
  ObjectKey regarding;
  std::string regarding_uid;
  Type type = Type::kNormal;
  std::string reason;  // CamelCase, one stable word per transition
  std::string action;  // CamelCase: what we did or tried
  std::string note;    // for a person, at most 1 kB
};

// Safe for concurrent use; does not block on the other side.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void record(const Event& event) = 0;
};

}  // namespace ripcord
