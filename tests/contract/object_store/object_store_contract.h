// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every ObjectStore has to do, as parameterised tests (*_cases.cc). An adapter joins with one
// file that instantiates the suite with its factory:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, testing::Values(StoreFactory{...}),
//   name_of);

#include "controller/base/clock.h"
#include "controller/ports/object_store.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace ripcord {

// A store with whatever it stands on (clock, directory, server); empty when made.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual ObjectStore& store() = 0;
  // Waits until watches from the version of a list made now tell nothing that was written already.
  virtual void settle(Kind /*kind*/) {}
};

struct StoreFactory {
  std::string name;
  // A fresh, empty store that keeps `history` changes of a kind for watches.
  std::function<std::unique_ptr<StoreUnderTest>(std::size_t history)> make;
  // False for a system whose history cannot be made short; then those cases are skipped.
  bool history_can_be_short = true;
  // True when a watch is filled before it is read, so that its reader cannot easily fall behind.
  bool watches_read_ahead = false;
  // True for a server that others write to as well: its version moves on between our writes.
  bool version_is_shared = false;
  // True for a mirror: a list holds our own writes before its version, which is that of the watch.
  bool own_writes_come_first = false;
  // True for a server that lets a watch from a version to come wait for it.
  bool waits_for_the_future = false;
  // Before each test, for instance to skip it; may be empty.
  std::function<void()> set_up = {};
};

inline void PrintTo(const StoreFactory& factory, std::ostream* out) {
  *out << factory.name;
}

class ObjectStoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  static constexpr std::size_t kLongHistory = 100'000;
  // Generous: reached only when something is broken.
  static constexpr Duration kPatience = std::chrono::seconds(30);

  void SetUp() override;
  // Before the first use of the store.
  void use_history(std::size_t history) { held_ = GetParam().make(history); }
  ObjectStore& store();

  Resource stored(const Resource& object);   // as get() gives it; fails the test if absent
  Resource created(const Resource& object);  // create() that must succeed
  Resource updated(const Resource& object);  // update() that must succeed
  std::int64_t version_now(Kind kind = Kind::kFeatureFlag);  // of a list made now, when settled
  // That nothing was written since `version`, as far as that can be known.
  void expect_version(std::int64_t got, std::int64_t version) const;
  std::unique_ptr<ObjectWatch> watch_from(std::int64_t version, Kind kind = Kind::kFeatureFlag);
  void expect_expired(std::int64_t version);  // from watch() or its first next()
  WatchEvent next(ObjectWatch& watch);        // that must come
  // Proves that nothing woke the watch: a marker that is written now must be its next event.
  void expect_quiet(ObjectWatch& watch);

 private:
  std::unique_ptr<StoreUnderTest> held_;
  int markers_ = 0;
};

// A test cannot go on without the value; the exception ends it with the store's own words.
template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(to_string(result.error()));
  }
  return *std::move(result);
}

// A thread of a test; what it throws fails the test.
std::jthread test_thread(std::function<void()> body);

// An event in short, for comparing sequences: "Added default/a".
std::string in_short(const WatchEvent& event);

}  // namespace ripcord
