// SPDX-License-Identifier: Apache-2.0
#include "adapters/memory/object_store.h"
#include "tests/contract/object_store/object_store_contract.h"

namespace ripcord {
namespace {

class HeldMemoryStore final : public StoreUnderTest {
 public:
  explicit HeldMemoryStore(std::size_t history) : store_(clock_, history) {}
  ObjectStore& store() override { return store_; }

 private:
  SystemClock clock_;
  MemoryObjectStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract,
                         testing::Values(StoreFactory{"memory", [](std::size_t history) {
                                                        return std::make_unique<HeldMemoryStore>(
                                                            history);
                                                      }}));

}  // namespace
}  // namespace ripcord
