// SPDX-License-Identifier: Apache-2.0
#include "adapters/embedded/object_store.h"
#include "tests/contract/object_store/object_store_contract.h"
#include "tests/support/process.h"

#include <stdexcept>

namespace ripcord {
namespace {

class HeldEmbeddedStore final : public StoreUnderTest {
 public:
  explicit HeldEmbeddedStore(std::size_t history) {
    EmbeddedStoreOptions options;
    options.directory = directory_.path() / "data";
    options.history_limit = history;
    auto opened = EmbeddedObjectStore::open(std::move(options), clock_);
    if (!opened) {
      throw std::runtime_error(to_string(opened.error()));
    }
    store_ = *std::move(opened);
  }
  ObjectStore& store() override { return *store_; }

 private:
  TempDir directory_;
  SystemClock clock_;
  std::unique_ptr<EmbeddedObjectStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Embedded, ObjectStoreContract,
                         testing::Values(StoreFactory{"embedded", [](std::size_t history) {
                                                        return std::make_unique<HeldEmbeddedStore>(
                                                            history);
                                                      }}));

}  // namespace
}  // namespace ripcord
