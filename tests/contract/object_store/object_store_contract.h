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
#include <string>

#include <gtest/gtest.h>

namespace ripcord {

// A store with whatever it stands on (clock, directory, server); empty when made.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual ObjectStore& store() = 0;
};

struct StoreFactory {
  std::string name;
  // A fresh, empty store that keeps `history` changes of a kind for watches.
  std::function<std::unique_ptr<StoreUnderTest>(std::size_t history)> make;
  // False for a system whose history cannot be made short; then those cases are skipped.
  bool history_can_be_short = true;
};

inline void PrintTo(const StoreFactory& factory, std::ostream* out) {
  *out << factory.name;
}

class ObjectStoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  static constexpr std::size_t kLongHistory = 100'000;
  // Generous: reached only when something is broken.
  static constexpr Duration kPatience = std::chrono::seconds(30);

  // Before the first use of the store.
  void use_history(std::size_t history) { held_ = GetParam().make(history); }
  ObjectStore& store();

  Resource stored(const Resource& object);   // as get() gives it; fails the test if absent
  Resource created(const Resource& object);  // create() that must succeed
  Resource updated(const Resource& object);  // update() that must succeed
  std::int64_t version_now(Kind kind = Kind::kFeatureFlag);  // of a list made now
  std::unique_ptr<ObjectWatch> watch_from(std::int64_t version, Kind kind = Kind::kFeatureFlag);
  WatchEvent next(ObjectWatch& watch);  // that must come
  // Proves that nothing woke the watch: a marker that is written now must be its next event.
  void expect_quiet(ObjectWatch& watch);

 private:
  std::unique_ptr<StoreUnderTest> held_;
  int markers_ = 0;
};

// An event in short, for comparing sequences: "Added default/a".
std::string in_short(const WatchEvent& event);

}  // namespace ripcord
