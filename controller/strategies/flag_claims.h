// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which FeatureFlag object answers for which key. Two objects may name the same key; the older one
// (by creation, then by name) is served, and when it goes, the next takes over at once. Holds what
// this process serves and nothing else: it is built again from the objects after a restart.
// Thread-safe; a claim is carried out in the evaluation table before claim() returns.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/model/kind.h"
#include "controller/ports/flags.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace ripcord {

struct FlagClaim {
  ObjectKey owner;
  WallTime created{};
  FlagAnswer wanted;
};

class FlagClaims {
 public:
  explicit FlagClaims(FlagServing& table) : table_(table) {}

  struct Ruling {
    bool won = false;
    ObjectKey winner;
  };
  // When somebody wrote what is served now, and when it was decided to serve it.
  struct Decision {
    MonoTime written{};
    MonoTime decided{};
  };
  // Adds the claim or replaces the owner's former one. `decision` is kept when this changes what is
  // served, until take_decision().
  Ruling claim(FlagClaim claim, Decision decision);
  // Serves the owner's answer again, whatever the table has now.
  void reassert(const ObjectKey& owner);
  // Of the change that is served since and was not taken yet.
  std::optional<Decision> take_decision(const ObjectKey& owner);
  void release(const ObjectKey& owner);
  // How many keys are served.
  std::size_t served() const;

 private:
  struct Held;
  using Node = std::pair<const ObjectKey, Held>;
  struct Held {
    WallTime created;
    FlagAnswerPtr wanted;
    std::unique_ptr<Decision> decision;  // null nearly always
    Node* next = nullptr;                // who takes over the key
  };
  // Found by the key of what is wanted.
  struct OfKey {
    using is_transparent = void;
    static std::string_view text(std::string_view key) { return key; }
    static std::string_view text(const Node* node) { return node->second.wanted->key; }
    std::size_t operator()(const auto& x) const { return std::hash<std::string_view>{}(text(x)); }
    bool operator()(const auto& a, const auto& b) const { return text(a) == text(b); }
  };
  static bool ranks_before(const Node& a, const Node& b);
  Node* first_for(std::string_view key) const REQUIRES(mutex_) { return *first_.find(key); }
  void join(Node& node) REQUIRES(mutex_);
  // Returns who is first now, or null.
  Node* leave(Node& node) REQUIRES(mutex_);
  void release_locked(const ObjectKey& owner) REQUIRES(mutex_);

  FlagServing& table_;
  mutable Mutex mutex_;
  std::unordered_map<ObjectKey, Held> held_ GUARDED_BY(mutex_);       // nodes stay where they are
  std::unordered_set<Node*, OfKey, OfKey> first_ GUARDED_BY(mutex_);  // who is served for a key
};

}  // namespace ripcord
