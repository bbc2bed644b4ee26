// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/embedded_store/store_workload.h"

#include "adapters/memory/object_store.h"
#include "tests/support/sample_objects.h"

#include <new>
#include <stdexcept>
#include <sys/mman.h>

namespace ripcord {
namespace {

constexpr int kSlots = 3;

std::string namespace_of(int writer) {
  return "w" + std::to_string(writer);
}

}  // namespace

Status workload_write(ObjectStore& store, int writer, int number) {
  const int slot = number % kSlots;
  Resource sample = sample_flag("o" + std::to_string(slot), namespace_of(writer));
  const auto turn = (number / kSlots) % 5;
  if (turn == 0) {
    // Longer than a page of the file, so that a write can be torn.
    sample.meta.annotations["ripcord.dev/note"] = std::string(slot == 0 ? 9000 : 10, 'x');
    const auto result = store.create(sample);
    return result ? ok_status() : result.error();
  }
  if (turn == 4) {
    return store.remove(sample.key());
  }
  ASSIGN_OR_RETURN(const ResourcePtr stored, store.get(sample.key()));
  if (turn == 2) {
    Resource object = *stored;
    common(object.status).observed_generation = number;
    const auto result = store.update_status(object);
    return result ? ok_status() : result.error();
  }
  const auto result = store.update(with_suspend(*stored, turn == 1));
  return result ? ok_status() : result.error();
}

std::vector<Resource> workload_state(const ObjectStore& store, int writer) {
  const auto list = store.list(Kind::kFeatureFlag, namespace_of(writer));
  if (!list) {
    throw std::runtime_error(to_string(list.error()));
  }
  std::vector<Resource> state;
  for (const ResourcePtr& object : list->items) {
    Resource copy = *object;
    copy.meta.uid.clear();
    copy.meta.resource_version = 0;
    copy.meta.creation_timestamp = {};
    state.push_back(std::move(copy));
  }
  return state;
}

std::vector<Resource> expected_state(int writer, int count) {
  const SystemClock clock;
  MemoryObjectStore store(clock);
  for (int i = 0; i < count; ++i) {
    if (const Status status = workload_write(store, writer, i); !status.ok()) {
      throw std::runtime_error(to_string(status));
    }
  }
  return workload_state(store, writer);
}

Acknowledged::Acknowledged() {
  void* memory =
      ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("no shared memory");
  }
  counters_ = new (memory) Counters{};
}

Acknowledged::~Acknowledged() {
  ::munmap(counters_, sizeof(Counters));
}

void Acknowledged::saw(std::int64_t version) {
  std::int64_t known = counters_->version;
  while (known < version && !counters_->version.compare_exchange_weak(known, version)) {
  }
}

}  // namespace ripcord
