// SPDX-License-Identifier: Apache-2.0
// The controller is killed at every point of a switch, enumerated, and started again on the same
// store: it ends as an undisturbed one does, and each switch is made once.
#include "adapters/embedded/object_store.h"
#include "tests/integration/haproxy/shop.h"
#include "tests/support/status_matchers.h"

#include <csignal>
#include <cstdio>
#include <functional>

#include <gtest/gtest.h>

namespace ripcord {
namespace {

TrafficTargetSpec quick(const Shop& shop, const std::string& active) {
  TrafficTargetSpec spec = shop.spec(active);
  spec.verification.window = std::chrono::milliseconds(60);
  return spec;
}

// Runs in a process of its own, as the controller does; the parent keeps one thread.
int with_store(const Shop& shop, const std::function<int(ObjectStore&)>& body) {
  return run_forked([&] {
    const SystemClock clock;
    const auto store = EmbeddedObjectStore::open({shop.dir / "data", 1000, {}, {}}, clock);
    if (!store) {
      std::fprintf(stderr, "%s\n", to_string(store.error()).c_str());
      return 99;
    }
    return body(**store);
  });
}

// Deletes the object's past: a new object, everything on blue.
int start_over(Shop& shop) {
  return with_store(shop, [&](ObjectStore& store) {
    (void)store.remove(kShop);
    put_spec(store, quick(shop, "blue"));
    Controller controller(shop, store, {});
    controller.loop.settle();
    return controller.loop.status().active == "blue" ? 0 : 1;
  });
}

using Change = std::function<void(ObjectStore&)>;

// 128 + SIGKILL when the point was reached.
int run_until(Shop& shop, const Change& change, int point) {
  return with_store(shop, [&](ObjectStore& store) {
    int seen = 0;
    Mutex mutex;
    change(store);
    Controller controller(shop, store, [&](std::string_view) {
      const MutexLock lock(mutex);
      if (++seen == point) {
        raise(SIGKILL);
      }
    });
    controller.loop.settle();
    return 0;
  });
}

// What a new process makes of it, printed as one text so that it crosses the fork.
std::string recover(Shop& shop) {
  const std::string file = shop.dir / "end";
  const int code = with_store(shop, [&](ObjectStore& store) {
    Controller controller(shop, store, {});
    controller.loop.settle();
    const TrafficTargetStatus status = controller.loop.status();
    std::string text = ready(status) + " active=" + status.active + "\n";
    for (const std::string& change : changes(status)) {
      text += change + "\n";
    }
    write_file(file, text);
    return 0;
  });
  return code == 0 ? read_file(file) : "recovery ended with " + std::to_string(code);
}

// HAProxy's own word, and that a reload would keep it.
std::string sides(Shop& shop) {
  std::string text;
  for (const std::string& line : shop.haproxy.servers()) {
    text += line.substr(0, line.rfind(' ')) + "\n";
  }
  shop.haproxy.reload();
  for (const std::string& line : shop.haproxy.servers()) {
    text += line.substr(0, line.rfind(' ')) + "\n";
  }
  return text;
}

void kill_at_every_point(const std::string& green, const Change& change, int at_least) {
  Shop shop;
  shop.green.behave(green);
  std::string want;
  for (int run = 0; run < 2; ++run) {  // the second starts as all others do
    ASSERT_EQ(start_over(shop), 0);
    ASSERT_EQ(run_until(shop, change, 0), 0);
    want = recover(shop);
  }
  const std::string want_sides = sides(shop);
  int point = 1;
  for (;; ++point) {
    ASSERT_LT(point, 200);
    ASSERT_EQ(start_over(shop), 0);
    const int code = run_until(shop, change, point);
    if (code == 0) {
      break;
    }
    ASSERT_EQ(code, 128 + SIGKILL) << "point " << point;
    EXPECT_EQ(recover(shop), want) << "killed at point " << point;
    EXPECT_EQ(sides(shop), want_sides) << "killed at point " << point;
  }
  EXPECT_GE(point - 1, at_least) << "the points were not reached";
}

TEST(TrafficCrash, KilledAtAnyPointOfASwitchItEndsAsAnUndisturbedOne) {
  kill_at_every_point(
      "ok",
      [](ObjectStore& store) {
        TrafficTargetSpec spec = spec_in(store);
        spec.active = "green";
        put_spec(store, spec);
      },
      12);
}

TEST(TrafficCrash, KilledAtAnyPointOfAnAutomaticSwitchBackItEndsAsAnUndisturbedOne) {
  kill_at_every_point(
      "fail",
      [](ObjectStore& store) {
        TrafficTargetSpec spec = spec_in(store);
        spec.active = "green";
        spec.environments[1].health.expected_status = 503;  // its own check sees nothing wrong
        put_spec(store, spec);
      },
      20);
}

}  // namespace
}  // namespace ripcord
