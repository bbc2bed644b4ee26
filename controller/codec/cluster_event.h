// SPDX-License-Identifier: Apache-2.0
#pragma once
// An events.k8s.io/v1 Event as text. Pure functions, thread-safe.

#include "controller/base/clock.h"
#include "controller/model/kind.h"

#include <string>
#include <string_view>

namespace ripcord::codec {

struct ClusterEvent {
  std::string name;  // of the Event object
  ObjectKey regarding;
  std::string regarding_uid;
  bool warning = false;
  std::string reason;
  std::string action;
  std::string note;  // cut at 1024 bytes, which the server insists on
  WallTime time{};
  std::string reporting_controller;  // a qualified name: "ripcord.dev/controller"
  std::string reporting_instance;
};
std::string encode_event(const ClusterEvent& event);
// The merge patch of one that happened again: how often by now, and when last.
std::string encode_event_series(int count, WallTime last);

}  // namespace ripcord::codec
