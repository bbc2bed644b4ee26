// SPDX-License-Identifier: Apache-2.0
// A disk without space and one that cannot be written, for real: a tiny tmpfs, RLIMIT_FSIZE, the
// immutable flag of open files, a read-only mount.
#include "adapters/embedded/object_store.h"
#include "tests/support/process.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace ripcord {
namespace {

using testing::HasSubstr;

Result<std::unique_ptr<EmbeddedObjectStore>> open_store(const std::filesystem::path& directory,
                                                        const Clock& clock) {
  EmbeddedStoreOptions options;
  options.directory = directory;
  options.checkpoint_pages = 16;
  return EmbeddedObjectStore::open(std::move(options), clock);
}

Resource bulky_flag(int number) {
  Resource object = sample_flag("flag-" + std::to_string(number));
  object.meta.annotations["ripcord.dev/note"] = std::string(8000, 'x');
  return object;
}

// Creates objects until the store refuses; gives how many it took and why it stopped.
std::pair<int, Status> fill(ObjectStore& store, int first) {
  for (int i = first; i < first + 10'000; ++i) {
    if (const auto result = store.create(bulky_flag(i)); !result) {
      return {i, result.error()};
    }
  }
  return {first + 10'000, ok_status()};
}

void expect_all_there(const ObjectStore& store, int count) {
  EXPECT_EQ(store.list(Kind::kFeatureFlag)->items.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    EXPECT_OK(store.get(bulky_flag(i).key()));
  }
}

// Undone at the end of the test.
class Mount {
 public:
  Mount(const char* source, std::filesystem::path target, const char* type, unsigned long flags,
        const char* options)
      : target_(std::move(target)),
        mounted_(::mount(source, target_.c_str(), type, flags, options) == 0) {}
  ~Mount() {
    if (mounted_) {
      ::umount2(target_.c_str(), MNT_DETACH);
    }
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  bool mounted() const { return mounted_; }

 private:
  const std::filesystem::path target_;
  const bool mounted_;
};

TEST(EmbeddedStoreFullDisk, WritesFailReadersGoOnAndWritesComeBackWithTheSpace) {
  const TempDir directory;
  const Mount disk("tmpfs", directory.path(), "tmpfs", 0, "size=3m");
  if (!disk.mounted()) {
    GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
  }
  const SystemClock clock;
  const std::filesystem::path data = directory.path() / "data";
  const std::string ballast = directory / "ballast";
  write_file(ballast, std::string(1U << 20U, 'b'));
  int count = 0;
  {
    const auto store = *open_store(data, clock);
    const auto watch =
        *store->watch(Kind::kFeatureFlag, store->list(Kind::kFeatureFlag)->resource_version);
    const auto [taken, refusal] = fill(*store, 0);
    EXPECT_CODE(refusal, StatusCode::kResourceExhausted);
    EXPECT_EQ(refusal.reason(), "DiskFull");
    EXPECT_THAT(refusal.message(), HasSubstr("Free space"));
    ASSERT_GT(taken, 10);
    expect_all_there(*store, taken);
    for (int i = 0; i < taken; ++i) {
      ASSERT_OK(watch->next(std::chrono::seconds(30), {}));
    }
    EXPECT_CODE(store->create(bulky_flag(taken)), StatusCode::kResourceExhausted);
    EXPECT_CODE(watch->next(Duration::zero(), {}), StatusCode::kDeadlineExceeded);

    std::filesystem::remove(ballast);
    count = taken + 20;
    for (int i = taken; i < count; ++i) {
      ASSERT_OK(store->create(bulky_flag(i)));
    }
    expect_all_there(*store, count);
  }
  const auto again = open_store(data, clock);
  ASSERT_OK(again);
  expect_all_there(**again, count);
}

TEST(EmbeddedStoreFullDisk, AStartOnAFullDiskSaysSoAndTakesNoHarm) {
  const TempDir directory;
  const Mount disk("tmpfs", directory.path(), "tmpfs", 0, "size=2m");
  if (!disk.mounted()) {
    GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
  }
  const SystemClock clock;
  const std::filesystem::path data = directory.path() / "data";
  {
    const auto store = *open_store(data, clock);
    ASSERT_OK(store->create(bulky_flag(0)));
  }
  {
    // Stops short when the disk is full, which is the point.
    std::ofstream ballast(directory / "ballast", std::ios::binary);
    ballast << std::string(4U << 20U, 'b');
  }
  EXPECT_CODE(open_store(data, clock), StatusCode::kResourceExhausted);
  std::filesystem::remove(directory / "ballast");
  const auto again = open_store(data, clock);
  ASSERT_OK(again);
  expect_all_there(**again, 1);
}

// The same without any privilege. Exit codes name the check that failed.
TEST(EmbeddedStoreFullDisk, AFileSizeLimitIsAFullDisk) {
  const TempDir directory;
  const std::filesystem::path data = directory.path() / "data";
  const int exit_code = run_forked([&data] {
    std::signal(SIGXFSZ, SIG_IGN);
    const SystemClock clock;
    const auto store = *open_store(data, clock);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = std::exchange(limit.rlim_cur, 256U * 1024U);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto [taken, refusal] = fill(*store, 0);
    if (refusal.code() != StatusCode::kResourceExhausted || taken < 5) {
      return 1;
    }
    if (store->list(Kind::kFeatureFlag)->items.size() != static_cast<std::size_t>(taken)) {
      return 2;
    }
    limit.rlim_cur = before;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = taken; i < 100; ++i) {
      if (!store->create(bulky_flag(i))) {
        return 3;
      }
    }
    return 0;
  });
  EXPECT_EQ(exit_code, 0);
  const SystemClock clock;
  const auto again = open_store(data, clock);
  ASSERT_OK(again);
  expect_all_there(**again, 100);
}

// chmod does not bind root, and a mount with files open for writing cannot be made read-only; the
// immutable flag refuses writes even to open files.
bool set_immutable(const std::filesystem::path& path, bool on) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  int flags = 0;
  bool done = ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
  flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  done = done && ::ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
  ::close(fd);
  return done;
}

// Lifts the flag whatever happens, or the directory could not be removed.
class ReadOnlyFiles {
 public:
  explicit ReadOnlyFiles(const std::filesystem::path& data)
      : files_{data / "objects.db", data / "objects.db-wal"} {}
  ~ReadOnlyFiles() { set(false); }
  ReadOnlyFiles(const ReadOnlyFiles&) = delete;
  ReadOnlyFiles& operator=(const ReadOnlyFiles&) = delete;
  bool set(bool on) {
    bool done = true;
    for (const auto& file : files_) {
      done = set_immutable(file, on) && done;
    }
    return done;
  }

 private:
  const std::array<std::filesystem::path, 2> files_;
};

TEST(EmbeddedStoreReadOnly, WritesFailReadersGoOnAndWritesComeBack) {
  const TempDir directory;
  const SystemClock clock;
  const std::filesystem::path data = directory.path() / "data";
  {
    const auto store = *open_store(data, clock);
    ASSERT_OK(store->create(bulky_flag(0)));
    ReadOnlyFiles files(data);
    if (!files.set(true)) {
      GTEST_SKIP() << "cannot make files immutable here: " << std::strerror(errno);
    }
    const auto refused = store->create(bulky_flag(1));
    if (refused) {
      GTEST_SKIP() << "this file system lets open files be written though they are immutable";
    }
    EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
    EXPECT_EQ(refused.error().reason(), "ReadOnly");
    EXPECT_THAT(refused.error().message(), HasSubstr("writable"));
    EXPECT_CODE(store->remove(bulky_flag(0).key()), StatusCode::kFailedPrecondition);
    expect_all_there(*store, 1);
    ASSERT_TRUE(files.set(false));
    ASSERT_OK(store->create(bulky_flag(1)));
  }
  const auto again = open_store(data, clock);
  ASSERT_OK(again);
  expect_all_there(**again, 2);
}

TEST(EmbeddedStoreReadOnly, AStartOnAReadOnlyMountSaysWhatToDo) {
  const TempDir directory;
  const SystemClock clock;
  const std::filesystem::path data = directory.path() / "data";
  {
    const auto store = *open_store(data, clock);
    ASSERT_OK(store->create(bulky_flag(0)));
  }
  {
    const Mount bound(data.c_str(), data, "", MS_BIND, nullptr);
    if (!bound.mounted() ||
        ::mount("", data.c_str(), "", MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
      GTEST_SKIP() << "cannot mount read-only: " << std::strerror(errno);
    }
    const auto refused = open_store(data, clock);
    EXPECT_CODE(refused, StatusCode::kFailedPrecondition);
    EXPECT_THAT(status_of(refused).message(), HasSubstr("writable"));
  }
  const auto again = open_store(data, clock);
  ASSERT_OK(again);
  expect_all_there(**again, 1);
}

}  // namespace
}  // namespace ripcord
