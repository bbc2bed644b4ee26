// SPDX-License-Identifier: Apache-2.0
// bench_store [OBJECTS] [DIRECTORY]: what the embedded store costs with many objects (default
// 100,000 flags) and how fast it writes, beside the same commits by a bare SQLite loop in the same
// run and on the same disk. Prints one table; takes about a minute.
#include "adapters/embedded/object_store.h"
#include "controller/codec/codec.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <malloc.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

namespace ripcord {
namespace {

using Seconds = std::chrono::duration<double>;
constexpr Seconds kSlice{4};

double time_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_store: {}\n", why);
  std::exit(1);
}

void check(const Status& status) {
  if (!status.ok()) {
    give_up(to_string(status));
  }
}

void row(const std::string& what, const std::string& value, const std::string& beside = "") {
  fmt::print("{:<46}{:>18}  {}\n", what, value, beside);
  std::fflush(stdout);
}

Resource flag(const std::string& name) {
  Resource object = make_resource(Kind::kFeatureFlag, name);
  FeatureFlagSpec spec;
  spec.key = name;
  spec.variants = {{"off", "false"}, {"on", "true"}};
  spec.default_variant = "on";
  spec.off_variant = "off";
  object.spec = spec;
  return object;
}

std::string numbered(int i) {
  return fmt::format("flag-{:06}", i);
}

std::unique_ptr<EmbeddedObjectStore> open_store(const std::filesystem::path& directory,
                                                const Clock& clock) {
  EmbeddedStoreOptions options;
  options.directory = directory;
  auto store = EmbeddedObjectStore::open(std::move(options), clock);
  check(store ? ok_status() : store.error());
  return *std::move(store);
}

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

// Creates `count` flags with one status each, as a running controller would have them.
void fill(EmbeddedObjectStore& store, int count) {
  constexpr int kWriters = 64;
  std::atomic<int> next{0};
  std::vector<std::jthread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&] {
      for (int i = next++; i < count; i = next++) {
        const auto created = store.create(flag(numbered(i)));
        check(created ? ok_status() : created.error());
        Resource object = **created;
        auto& status = std::get<FeatureFlagStatus>(object.status);
        status.observed_generation = 1;
        status.conditions.set_ready("Succeeded", "the flag is served as declared", 1,
                                    object.meta.creation_timestamp);
        status.variant = "on";
        status.value = "true";
        status.enabled = true;
        const auto reported = store.update_status(object);
        check(reported ? ok_status() : reported.error());
      }
    });
  }
}

// Writes for one slice of time; gives writes a second.
double write_rate(EmbeddedObjectStore& store, int writers, int objects) {
  std::atomic<long> writes{0};
  const auto end = std::chrono::steady_clock::now() + kSlice;
  const double seconds = time_of([&] {
    std::vector<std::jthread> threads;
    for (int w = 0; w < writers; ++w) {
      threads.emplace_back([&, w] {
        for (int i = w; std::chrono::steady_clock::now() < end; i += writers) {
          Resource object = **store.get(flag(numbered(i % objects)).key());
          auto& spec = std::get<FeatureFlagSpec>(object.spec);
          spec.enabled = !spec.enabled;
          const auto updated = store.update(object);
          check(updated ? ok_status() : updated.error());
          ++writes;
        }
      });
    }
  });
  return static_cast<double>(writes) / seconds;
}

// The floor: one row of the same size a commit, WAL and synchronous=FULL, nothing else.
double bare_commit_rate(const std::filesystem::path& directory) {
  sqlite3* db = nullptr;
  sqlite3_stmt* insert = nullptr;
  const std::string body(codec::encode(flag(numbered(0))).size(), 'x');
  if (sqlite3_open((directory / "bare.db").c_str(), &db) != SQLITE_OK ||
      sqlite3_exec(db,
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)",
                   nullptr, nullptr, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(db, "INSERT INTO t(body) VALUES(?1)", -1, &insert, nullptr) != SQLITE_OK) {
    give_up(sqlite3_errmsg(db));
  }
  sqlite3_bind_text(insert, 1, body.c_str(), -1, SQLITE_STATIC);
  long commits = 0;
  const auto end = std::chrono::steady_clock::now() + kSlice;
  const double seconds = time_of([&] {
    for (; std::chrono::steady_clock::now() < end; ++commits) {
      sqlite3_step(insert);
      sqlite3_reset(insert);
    }
  });
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return static_cast<double>(commits) / seconds;
}

void measure_reads(const EmbeddedObjectStore& store, int objects) {
  constexpr int kGets = 500'000;
  std::vector<ObjectKey> keys;
  for (int i = 0; i < 1000; ++i) {
    keys.push_back(flag(numbered(i * 7919 % objects)).key());
  }
  const double gets = time_of([&] {
    for (int i = 0; i < kGets; ++i) {
      if (!store.get(keys[static_cast<std::size_t>(i) % keys.size()])) {
        give_up("an object is missing");
      }
    }
  });
  row("get, one thread", fmt::format("{:.0f}/s", kGets / gets));
  constexpr int kLists = 50;
  const double lists = time_of([&] {
    for (int i = 0; i < kLists; ++i) {
      if (store.list(Kind::kFeatureFlag)->items.size() != static_cast<std::size_t>(objects)) {
        give_up("the list is not complete");
      }
    }
  });
  row("list of all objects", fmt::format("{:.2f} ms", lists / kLists * 1e3));
}

void measure(const std::filesystem::path& directory, int objects) {
  const SystemClock clock;
  ::malloc_trim(0);
  const long before = resident_bytes();
  std::unique_ptr<EmbeddedObjectStore> store;
  const double start = time_of([&] { store = open_store(directory / "data", clock); });
  row("start-up with all objects", fmt::format("{:.2f} s", start),
      fmt::format("{:.1f} us an object", start / objects * 1e6));
  ::malloc_trim(0);
  row("resident memory an object", fmt::format("{} bytes", (resident_bytes() - before) / objects),
      fmt::format("sizeof(Resource) is {}", sizeof(Resource)));
  measure_reads(*store, objects);
  const double floor = bare_commit_rate(directory);
  row("bare SQLite, one row a commit (floor)", fmt::format("{:.0f}/s", floor));
  for (const int writers : {1, 16}) {
    const double rate = write_rate(*store, writers, objects);
    row(fmt::format("durable updates, {} writer(s)", writers), fmt::format("{:.0f}/s", rate),
        fmt::format("{:.2f} x floor", rate / floor));
  }
}

int run(int objects, const std::filesystem::path& parent) {
  std::string name = (parent / "bench-store-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    give_up("cannot make a directory in " + parent.string());
  }
  // Filled by another process, so that its memory is not measured.
  const pid_t filler = ::fork();
  if (filler == 0) {
    const SystemClock clock;
    const auto store = open_store(std::filesystem::path(name) / "data", clock);
    const double seconds = time_of([&] { fill(*store, objects); });
    row(fmt::format("fill: {} objects, spec and status", objects),
        fmt::format("{:.0f} writes/s", 2 * objects / seconds), "64 writers");
    std::exit(0);
  }
  int ended = 0;
  ::waitpid(filler, &ended, 0);
  if (ended == 0) {
    measure(name, objects);
  }
  std::filesystem::remove_all(name);
  return ended == 0 ? 0 : 1;
}

}  // namespace
}  // namespace ripcord

int main(int argc, char** argv) {
  const int objects = argc > 1 ? std::atoi(argv[1]) : 100'000;
  if (objects < 1000) {
    ripcord::give_up("the number of objects must be at least 1000");
  }
  return ripcord::run(objects, argc > 2 ? argv[2] : std::filesystem::temp_directory_path());
}
