// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a control loop says about itself, and the text of /livez and /readyz as kubectl users know
// it. Values and pure functions.

#include "controller/base/clock.h"
#include "controller/model/kind.h"

#include <optional>
#include <string>
#include <vector>

namespace ripcord {

struct LoopHealth {
  Kind kind = Kind::kFeatureFlag;
  bool synced = false;      // the first list is in the queue
  std::string watch_error;  // why listing or watching does not work now; empty when it does
  std::size_t objects = 0;
  int workers = 0;
  int busy = 0;
  std::optional<WallTime> last_success;  // of a reconcile
  std::string last_error;                // "FeatureFlag default/x: Unavailable: ...", newest
  std::optional<WallTime> last_error_at;
  Duration silence{};  // since the loop's watching thread was last seen alive

  bool operator==(const LoopHealth&) const = default;
};

// A source of desired state, such as a directory of manifests.
struct SourceHealth {
  std::string name;                   // "manifests /etc/ripcord"
  std::vector<std::string> problems;  // what is wrong with it now
};

struct HealthReport {
  bool ok = false;  // 200, else 500
  std::string text;
};

// Ready when every kind is synced or says why it cannot be (its definition or a right is missing),
// and at least one is: the others work, and flags go on being served. Neither an unreachable real
// system nor a bad manifest makes the process unready. Verbose, or whenever it is not ready: a line
// a kind, "[+]FeatureFlag synced ..." or "[-]FeatureFlag not synced: ...", and a line a source.
HealthReport readyz(const std::vector<LoopHealth>& loops, bool verbose,
                    const std::vector<SourceHealth>& sources = {});

// Alive while every loop's watching thread is; independent of stores and real systems.
HealthReport livez(const std::vector<LoopHealth>& loops, bool verbose);

}  // namespace ripcord
