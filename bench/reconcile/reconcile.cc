// SPDX-License-Identifier: Apache-2.0
// How many reconciles a second one worker does when there is nothing to do: the work queue, the
// control loop, and the loop with the common reconciler over a store; beside a function called for
// each key of a deque under a mutex.
//   bench_reconcile [OBJECTS]     (default 100000)
#include "adapters/memory/object_store.h"
#include "controller/runtime/control_loop.h"
#include "controller/strategies/strategy.h"

#include <atomic>
#include <cstdlib>
#include <deque>
#include <functional>
#include <thread>

#include <fmt/format.h>

namespace ripcord {
namespace {

std::vector<ObjectKey> keys_of(int count) {
  std::vector<ObjectKey> keys;
  for (int i = 0; i < count; ++i) {
    keys.push_back({Kind::kFeatureFlag, "default", fmt::format("flag-{}", i)});
  }
  return keys;
}

class Counting final : public Reconciler {
 public:
  Outcome reconcile(const ReconcileRequest&) override {
    ++count;
    return Done{};
  }
  std::atomic<std::size_t> count = 0;
};

class Converged final : public Strategy {
 public:
  Kind kind() const override { return Kind::kFeatureFlag; }
  Result<Plan> plan(const Resource&, std::stop_token) override { return Plan{}; }
  Outcome converge(Reconcile& reconcile) override {
    common(reconcile.object.status)
        .conditions.set_ready("Served", "as wanted", reconcile.object.meta.generation, {});
    ++count;
    return Done{};
  }
  void forget(const ObjectKey&) override {}
  std::atomic<std::size_t> count = 0;
};

class NoEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

double seconds_of(const std::function<void()>& body) {
  const SystemClock clock;
  const MonoTime start = clock.now();
  body();
  return to_seconds(clock.now() - start);
}

double floor_seconds(const std::vector<ObjectKey>& keys) {
  Counting reconciler;
  Mutex mutex;
  std::deque<ObjectKey> deque;
  const ReconcileRequest request{};
  return seconds_of([&] {
    for (const ObjectKey& key : keys) {
      MutexLock lock(mutex);
      deque.push_back(key);
    }
    while (reconciler.count < keys.size()) {
      ObjectKey key;
      {
        MutexLock lock(mutex);
        key = std::move(deque.front());
        deque.pop_front();
      }
      (void)reconciler.reconcile(request);
    }
  });
}

double queue_seconds(const std::vector<ObjectKey>& keys) {
  Counting reconciler;
  const SystemClock clock;
  NullMetricSink metrics;
  WorkQueue queue("bench", QueuePolicy{}, clock, metrics);
  const ReconcileRequest request{};
  return seconds_of([&] {
    for (const ObjectKey& key : keys) {
      queue.add(key, Priority::kHigh, 1);
    }
    while (reconciler.count < keys.size()) {
      const auto item = queue.get();
      (void)reconciler.reconcile(request);
      queue.succeeded(item->key, {});
    }
  });
}

void fill(MemoryObjectStore& store, const std::vector<ObjectKey>& keys) {
  for (const ObjectKey& key : keys) {
    Resource object = make_resource(key.kind, key.name, key.ns);
    auto& spec = std::get<FeatureFlagSpec>(object.spec);
    spec.key = key.name;
    spec.variants = {{"on", "true"}, {"off", "false"}};
    spec.default_variant = "on";
    spec.off_variant = "off";
    if (const auto created = store.create(object); !created) {
      fmt::print(stderr, "{}\n", to_string(created.error()));
      std::exit(1);
    }
  }
}

double loop_seconds(MemoryObjectStore& store, Reconciler& reconciler,
                    const std::atomic<std::size_t>& count, std::size_t goal) {
  SystemClock clock;
  NullMetricSink metrics;
  ControlLoop loop({}, store, reconciler, metrics, clock, Logger());
  const std::size_t before = count;
  const double took = seconds_of([&] {
    loop.start();
    while (count - before < goal) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  loop.stop();
  return took;
}

void run(int objects) {
  const auto keys = keys_of(objects);
  const SystemClock clock;
  MemoryObjectStore store(clock);
  fill(store, keys);
  Counting counting;
  Converged converged;
  NoEvents events;
  NullMetricSink metrics;
  StrategyReconciler reconciler(store, converged, events, metrics, clock);
  const double floor = floor_seconds(keys);
  const auto row = [&](const char* name, double seconds) {
    fmt::print("| {:<48} | {:>12.0f} | {:>6.2f} | {:>5.1f} |\n", name, objects / seconds,
               seconds * 1e6 / objects, seconds / floor);
  };
  fmt::print("{} objects, 1 worker, nothing to do\n\n", objects);
  fmt::print("| {:<48} | {:>12} | {:>6} | {:>5} |\n", "", "reconciles/s", "us", "ratio");
  fmt::print("|{:-<50}|{:->14}|{:->8}|{:->7}|\n", "", ":", ":", ":");
  row("floor: a call per key of a mutexed deque", floor);
  row("work queue", queue_seconds(keys));
  row("control loop", loop_seconds(store, counting, counting.count, keys.size()));
  // The first pass writes every status; the second has nothing to write.
  loop_seconds(store, reconciler, converged.count, keys.size());
  row("control loop, common reconciler, memory store",
      loop_seconds(store, reconciler, converged.count, keys.size()));
}

}  // namespace
}  // namespace ripcord

int main(int argc, char** argv) {
  ripcord::run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 100000);
  return 0;
}
