// SPDX-License-Identifier: Apache-2.0
#pragma once
// Traffic shared among environments by the weights and states of the servers of one HAProxy
// backend, over the Runtime API (2.6 and later; the socket needs `level admin`).
//
// - Servers belong to environments by address. Servers that no environment names are left alone.
// - Order of commands: environments that gain are put in rotation first; only when HAProxy itself
//   says that each of them has a running server are the others reduced or drained. There is never a
//   moment without a server.
// - After every command the backend is read back; a difference is an Internal error that names the
//   command and what was read.
// - With spec.router.haproxy.stateFile, HAProxy's whole state is saved after a change, and a file
//   that disagrees with the servers makes RouterState::settled false.
// - A share is taken from states and weights, not from HAProxy's health checks: a server that is
//   down keeps its share in `weights` and does not accept traffic.
//
// Fails with the codes of RuntimeSocket, and FailedPrecondition: UnknownBackend, UnknownAddress,
// DestinationDown, StateFileNotOurs. Each message names the field and the fix.
// HaproxyRouters may be used by several threads, one router by one thread at a time.

#include "controller/base/trace.h"
#include "controller/ports/traffic_router.h"

#include <memory>

namespace ripcord::haproxy {

struct HaproxyOptions {
  Duration timeout = std::chrono::seconds(2);  // of each command
  Trace trace;                                 // around each command and file write
};

class HaproxyRouters final : public TrafficRouters {
 public:
  explicit HaproxyRouters(HaproxyOptions options = {}) : options_(std::move(options)) {}
  // Touches nothing. InvalidArgument: no haproxy router in the spec, or a name or an address that
  // cannot be.
  Result<std::unique_ptr<TrafficRouter>> open(const TrafficTargetSpec& spec) override;

 private:
  HaproxyOptions options_;
};

}  // namespace ripcord::haproxy
