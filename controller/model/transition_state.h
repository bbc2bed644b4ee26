// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a database says about its transitions (transition.h), and what one step of working on them
// came to. Values.

#include "controller/base/clock.h"
#include "controller/model/transition.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ripcord {

struct TransitionState {
  bool begun = false;        // as it is declared now, and since its expand was applied
  bool triggered = false;    // a trigger of it is there, right or not
  bool synced = false;       // the trigger is as declared; no sync declared: true
  bool finished = false;     // the backfill is; none declared: true once begun
  bool validated = false;    // the validations held, as they are declared now, after the backfill
  std::int64_t rows = 0;     // changed by the backfill
  std::int64_t scanned = 0;  // looked at by it
  std::int64_t rows_total = 0;  // the server's estimate when it began; 0: not known
  std::string unsynced;         // how the trigger is not as it was made; empty: it is, or never was

  bool operator==(const TransitionState&) const = default;
};

struct TransitionStates {
  std::vector<TransitionState> declared;  // in the order asked
  std::vector<std::string> orphans;       // begun once, and no longer among the declared

  bool operator==(const TransitionStates&) const = default;
};

struct TransitionBatch {
  std::int64_t rows = 0;     // changed, committed with the cursor
  std::int64_t scanned = 0;  // looked at
  bool finished = false;     // there is nothing behind it
  std::string waits_for;     // why nothing was done; empty: it was
  Duration rest{};           // to be kept before the next one

  bool operator==(const TransitionBatch&) const = default;
};

// What one step of a migration does to transitions, in its transaction.
struct TransitionEdges {
  std::vector<Transition> end;     // the sync goes before the body, which may remove a shape
  std::vector<Transition> forget;  // likewise, and what was done counts no longer
  std::vector<Transition> begin;   // the sync comes after the body, which brings both shapes

  bool empty() const { return end.empty() && forget.empty() && begin.empty(); }
  bool operator==(const TransitionEdges&) const = default;
};

// sha256, hex, of what decides which values rows get: other ones begin anew. How fast the backfill
// goes is not part of it.
std::string work_digest(const Transition& transition);
// Of what must hold.
std::string validation_digest(const Transition& transition);

}  // namespace ripcord
