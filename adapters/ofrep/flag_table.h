// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every flag answers now. Immutable shards that a writer copies, changes and swaps in: a
// reader holds a lock only while it copies one pointer, never while a writer works, and sees the
// old answer or the new one. Never fails. Thread-safe.

#include "controller/base/mutex.h"
#include "controller/ports/flags.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::ofrep {

class FlagTable final : public FlagServing {
 public:
  FlagTable();
  void set(FlagAnswerPtr answer) override;
  void remove(const std::string& key) override;

  FlagAnswerPtr find(const std::string& key) const;  // null when not served
  // All flags by key.
  std::vector<FlagAnswerPtr> all() const;
  // Grows after every change; read it before all() to know what that covers at least.
  std::uint64_t revision() const { return revision_.load(std::memory_order_acquire); }

 private:
  using Flags = std::vector<FlagAnswerPtr>;  // by key, and no longer than it must be
  struct Shard {
    Mutex write;         // one writer at a time; taken before `swap`
    mutable Mutex swap;  // held to copy or replace the pointer
    std::shared_ptr<const Flags> flags GUARDED_BY(swap) = std::make_shared<const Flags>();
  };
  static constexpr std::size_t kShards = 256;

  static std::shared_ptr<const Flags> read(const Shard& shard);
  Shard& shard_of(std::string_view key) const;
  void replace(std::string_view key, const FlagAnswerPtr& flag);

  std::unique_ptr<std::array<Shard, kShards>> shards_;
  std::atomic<std::uint64_t> revision_{1};
};

}  // namespace ripcord::ofrep
