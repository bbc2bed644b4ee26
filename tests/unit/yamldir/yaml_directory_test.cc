// SPDX-License-Identifier: Apache-2.0
#include "adapters/yamldir/yaml_directory.h"

#include "adapters/memory/object_store.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <sys/stat.h>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord::yamldir {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string flag(const std::string& name, bool enabled = true) {
  return fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\n"
      "kind: FeatureFlag\n"
      "metadata:\n"
      "  name: {}\n"
      "spec:\n"
      "  enabled: {}\n"
      "  variants: {{\"on\": true, \"off\": false}}\n"
      "  defaultVariant: \"on\"\n"
      "  offVariant: \"off\"\n",
      name, enabled);
}

const std::string kBroken = "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nspec: [\n";

ObjectKey key(const std::string& name) {
  return {Kind::kFeatureFlag, "default", name};
}

class LastValue final : public MetricSink {
 public:
  void add(const MetricDescriptor&, LabelValues, double) override {}
  void set(const MetricDescriptor&, LabelValues, double value) override {
    MutexLock lock(mutex_);
    value_ = value;
  }
  void observe(const MetricDescriptor&, LabelValues, double) override {}
  void remove(const MetricDescriptor&, LabelValues) override {}
  double value() const {
    MutexLock lock(mutex_);
    return value_;
  }

 private:
  mutable Mutex mutex_;
  double value_ GUARDED_BY(mutex_) = -1;
};

class YamlDirectoryTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }
  std::string at(const std::string& name) const { return root_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(at(name)).parent_path());
    write_file(at(name), text);
  }
  void write_atomically(const std::string& name, const std::string& text) const {
    write_file(at("." + name + ".swp"), text);
    fs::rename(at("." + name + ".swp"), at(name));
  }
  YamlDirectory& make(YamlDirectoryOptions options = {}) {
    options.root = root_;
    source_.reset();
    source_ = std::make_unique<YamlDirectory>(options, store_, metrics_, clock_, Logger());
    return *source_;
  }
  // Watches, with a periodic look so rare that only inotify can explain a change.
  YamlDirectory& watching() {
    YamlDirectoryOptions options;
    options.rescan = std::chrono::hours(1);
    YamlDirectory& source = make(options);
    EXPECT_OK(source.start());
    return source;
  }
  bool has(const std::string& name) { return store_.get(key(name)).has_value(); }
  bool enabled(const std::string& name) {
    const auto object = store_.get(key(name));
    return object && std::get<FeatureFlagSpec>((*object)->spec).enabled;
  }
  std::string home(const std::string& name) {
    const auto object = store_.get(key(name));
    return object ? (*object)->meta.annotations.at(std::string(kSourceAnnotation)) : "";
  }
  bool soon(const std::function<bool()>& predicate) { return eventually(predicate, seconds(20)); }

  const TempDir directory_;
  std::string root_ = directory_ / "manifests";
  SystemClock clock_;
  MemoryObjectStore store_{clock_};
  LastValue metrics_;
  std::unique_ptr<YamlDirectory> source_;
};

TEST_F(YamlDirectoryTest, AppliesEveryManifestOfATree) {
  write("a.yaml", flag("a") + "---\n" + flag("b"));
  write("deep/er/c.yml", flag("c"));
  write("d.json",
        R"({"apiVersion": "ripcord.dev/v1alpha1", "kind": "FeatureFlag", "metadata": {"name": "d"},
            "spec": {"variants": {"on": true, "off": false}, "defaultVariant": "on", "offVariant": "off"}})");
  write("README.md", "not a manifest");
  write(".hidden.yaml", flag("hidden"));
  write(".git/x.yaml", flag("git"));
  YamlDirectory& source = make();
  EXPECT_FALSE(source.synced());
  source.scan();
  EXPECT_TRUE(source.synced());
  for (const char* name : {"a", "b", "c", "d"}) {
    EXPECT_TRUE(has(name)) << name;
  }
  EXPECT_FALSE(has("hidden"));
  EXPECT_FALSE(has("git"));
  EXPECT_EQ(home("c"), "deep/er/c.yml");
  EXPECT_EQ((*store_.get(key("c")))->meta.annotations.at(std::string(kRootAnnotation)), root_);
  EXPECT_TRUE(source.errors().empty());
  EXPECT_EQ(metrics_.value(), 0);
}

TEST_F(YamlDirectoryTest, WritesNothingWhenNothingChanged) {
  write("a.yaml", flag("a"));
  make().scan();
  const auto version = (*store_.get(key("a")))->meta.resource_version;
  source_->scan();
  make().scan();  // a restart
  EXPECT_EQ((*store_.get(key("a")))->meta.resource_version, version);
}

TEST_F(YamlDirectoryTest, KeepsFieldsThatTheFileDoesNotName) {
  write("a.yaml", flag("a"));
  make().scan();
  Resource object = **store_.get(key("a"));
  std::get<FeatureFlagSpec>(object.spec).override =
      FeatureFlagOverride{{"INC-1", "alice", {}}, false, {}};
  ASSERT_OK(store_.update(object));
  write("a.yaml", flag("a", false));
  source_->scan();
  EXPECT_FALSE(enabled("a"));
  EXPECT_TRUE(std::get<FeatureFlagSpec>((*store_.get(key("a")))->spec).override.has_value());
}

TEST_F(YamlDirectoryTest, ReportsABadFileAndKeepsItsObjects) {
  write("good.yaml", flag("good"));
  write("two.yaml", flag("first") + "---\n" + flag("second"));
  YamlDirectory& source = make();
  source.scan();
  write("two.yaml", flag("first", false) + "---\n" +
                        "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\n"
                        "metadata:\n  name: second\nspec:\n  enabeld: true\n");
  source.scan();
  ASSERT_FALSE(source.errors().empty());
  const codec::ManifestError error = source.errors().front();
  EXPECT_EQ(error.file, "two.yaml");
  EXPECT_EQ(error.line, 16);
  EXPECT_EQ(error.column, 3);
  EXPECT_EQ(error.field, "spec.enabeld");
  EXPECT_GE(metrics_.value(), 1);
  EXPECT_FALSE(enabled("first")) << "the good document of a bad file is applied";
  EXPECT_TRUE(enabled("second")) << "the object of the bad one stays";
  EXPECT_TRUE(has("good"));

  write("two.yaml", kBroken);
  source.scan();
  EXPECT_TRUE(has("first"));
  EXPECT_TRUE(has("second"));
  make().scan();  // a restart while it is broken
  EXPECT_TRUE(has("first"));
  EXPECT_TRUE(has("second"));

  write("two.yaml", flag("first"));
  source_->scan();
  EXPECT_TRUE(source_->errors().empty());
  EXPECT_EQ(metrics_.value(), 0);
  EXPECT_TRUE(enabled("first"));
  EXPECT_FALSE(has("second")) << "now it is known to be gone";
}

TEST_F(YamlDirectoryTest, PrunesWhatCameFromARemovedFileOrDocument) {
  write("a.yaml", flag("a") + "---\n" + flag("b"));
  write("c.yaml", flag("c"));
  Resource foreign = **[&] {
    make().scan();
    return store_.get(key("a"));
  }();
  foreign.meta = {};
  foreign.meta.name = "by-hand";
  ASSERT_OK(store_.create(foreign));
  write("a.yaml", flag("a"));
  source_->scan();
  EXPECT_FALSE(has("b"));
  fs::remove(at("c.yaml"));
  source_->scan();
  EXPECT_FALSE(has("c"));
  EXPECT_TRUE(has("a"));
  EXPECT_TRUE(has("by-hand"));
}

TEST_F(YamlDirectoryTest, PrunesWhatWentWhileNobodyLooked) {
  write("a.yaml", flag("a"));
  write("b.yaml", flag("b"));
  make().scan();
  source_.reset();
  fs::remove(at("b.yaml"));
  make().scan();
  EXPECT_TRUE(has("a"));
  EXPECT_FALSE(has("b"));
}

TEST_F(YamlDirectoryTest, PrunesNothingWhenADirectoryIsMissingOrCannotBeRead) {
  write("a.yaml", flag("a"));
  write("sub/b.yaml", flag("b"));
  YamlDirectory& source = make();
  source.scan();
  fs::rename(at("sub"), at(".sub"));
  fs::create_symlink("nowhere", at("sub"));  // a folder that even root cannot read
  source.scan();
  EXPECT_TRUE(has("b"));
  ASSERT_EQ(source.errors().size(), 1U);
  EXPECT_EQ(source.errors()[0].file, "sub");
  fs::remove(at("sub"));
  fs::rename(at(".sub"), at("sub"));
  source.scan();
  EXPECT_TRUE(source.errors().empty());
  fs::rename(root_, root_ + ".away");
  source.scan();
  EXPECT_TRUE(has("a"));
  EXPECT_TRUE(has("b"));
  ASSERT_EQ(source.errors().size(), 1U);
  EXPECT_EQ(source.errors()[0].file, root_);
  make().scan();  // a restart without it
  EXPECT_TRUE(has("a"));
  EXPECT_FALSE(source_->synced());
  fs::rename(root_ + ".away", root_);
  fs::remove_all(at("sub"));
  source_->scan();
  EXPECT_FALSE(has("b")) << "a folder that was removed from a tree that is there";
  EXPECT_TRUE(source_->errors().empty());
}

// A volume that is unmounted leaves the empty directory below it.
TEST_F(YamlDirectoryTest, PrunesNothingWhenTheWholeDirectoryIsEmpty) {
  write("a.yaml", flag("a"));
  write("sub/b.yaml", flag("b"));
  make().scan();
  fs::rename(root_, root_ + ".volume");
  fs::create_directories(root_ + "/sub");
  write("README.md", "not a manifest");
  source_->scan();
  source_->scan();
  EXPECT_TRUE(has("a") && has("b"));
  ASSERT_EQ(source_->errors().size(), 1U);
  EXPECT_EQ(source_->errors()[0].file, root_);
  EXPECT_THAT(source_->errors()[0].message, testing::HasSubstr("no manifest any more"));
  EXPECT_THAT(source_->errors()[0].message, testing::HasSubstr("2 objects"));
  EXPECT_EQ(metrics_.value(), 1);
  make().scan();  // a restart before it is mounted
  EXPECT_TRUE(has("a") && has("b"));
  EXPECT_FALSE(source_->synced());
  EXPECT_EQ(source_->errors().size(), 1U);

  fs::remove_all(root_);
  fs::rename(root_ + ".volume", root_);
  fs::remove(at("a.yaml"));
  source_->scan();
  EXPECT_FALSE(has("a")) << "mounted again, without the file";
  EXPECT_TRUE(has("b"));
  EXPECT_TRUE(source_->errors().empty());
  EXPECT_EQ(metrics_.value(), 0);
}

TEST_F(YamlDirectoryTest, RemovesEverythingWhenAFileWithoutADocumentIsLeft) {
  write("a.yaml", flag("a"));
  make().scan();
  fs::remove(at("a.yaml"));
  source_->scan();
  ASSERT_TRUE(has("a"));
  write("empty.yaml", "# everything was removed on purpose\n");
  source_->scan();
  EXPECT_FALSE(has("a"));
  EXPECT_TRUE(source_->errors().empty());
}

TEST_F(YamlDirectoryTest, AnEmptyDirectoryThatNothingCameFromIsNoError) {
  make().scan();
  EXPECT_TRUE(source_->synced());
  EXPECT_TRUE(source_->errors().empty());
  write("a.yaml", flag("a"));
  source_->scan();
  ASSERT_OK(store_.remove(key("a")));
  fs::remove(at("a.yaml"));
  source_->scan();
  EXPECT_TRUE(source_->errors().empty()) << "a person removed the objects, too";
}

TEST_F(YamlDirectoryTest, GoesOnWhenAnUnmountedVolumeIsMountedAgain) {
  write("a.yaml", flag("a"));
  YamlDirectory& source = watching();
  const std::string volume = directory_ / "volume";
  fs::rename(root_, volume);
  fs::create_directories(root_);
  ASSERT_TRUE(soon([&] { return !source.errors().empty(); }));
  EXPECT_TRUE(has("a"));
  write_file(volume + "/a.yaml", flag("a", false));
  fs::remove(root_);
  fs::rename(volume, root_);
  EXPECT_TRUE(soon([&] { return !enabled("a") && source.errors().empty(); }));
}

TEST_F(YamlDirectoryTest, KeepsTheObjectsOfAFileThatCannotBeRead) {
  write("a.yaml", flag("a"));
  make().scan();
  fs::remove(at("a.yaml"));
  fs::create_symlink("nowhere", at("a.yaml"));
  source_->scan();
  EXPECT_TRUE(has("a"));
  ASSERT_EQ(source_->errors().size(), 1U);
  EXPECT_EQ(source_->errors()[0].file, "a.yaml");
  fs::remove(at("a.yaml"));
  ASSERT_EQ(::mkfifo(at("a.yaml").c_str(), 0600), 0);
  source_->scan();
  EXPECT_TRUE(has("a"));
  EXPECT_EQ(source_->errors().size(), 1U);
}

TEST_F(YamlDirectoryTest, RefusesTheSecondHomeOfAnObject) {
  write("b.yaml", flag("x", true));
  YamlDirectory& source = make();
  source.scan();
  write("a.yaml", flag("x", false));
  source.scan();
  EXPECT_EQ(home("x"), "b.yaml") << "the file that has it keeps it";
  EXPECT_TRUE(enabled("x"));
  ASSERT_EQ(source.errors().size(), 1U);
  EXPECT_EQ(source.errors()[0].file, "a.yaml");
  EXPECT_NE(source.errors()[0].message.find("b.yaml"), std::string::npos);
  make().scan();  // a restart
  EXPECT_EQ(home("x"), "b.yaml");
  EXPECT_EQ(source_->errors().size(), 1U);
  fs::remove(at("b.yaml"));
  source_->scan();
  EXPECT_EQ(home("x"), "a.yaml");
  EXPECT_FALSE(enabled("x"));
  EXPECT_TRUE(source_->errors().empty());
}

TEST_F(YamlDirectoryTest, FollowsAnObjectToAnotherFile) {
  write("a.yaml", flag("x"));
  make().scan();
  const std::string uid = (*store_.get(key("x")))->meta.uid;
  fs::rename(at("a.yaml"), at("b.yaml"));
  source_->scan();
  EXPECT_EQ(home("x"), "b.yaml");
  EXPECT_EQ((*store_.get(key("x")))->meta.uid, uid) << "never deleted in between";
}

TEST_F(YamlDirectoryTest, RefusesAnObjectOfAnotherDirectory) {
  write("a.yaml", flag("x"));
  make().scan();
  const std::string other = directory_ / "other";
  fs::create_directories(other);
  write_file(other + "/b.yaml", flag("x", false));
  YamlDirectory second({.root = other}, store_, metrics_, clock_, Logger());
  second.scan();
  EXPECT_TRUE(enabled("x"));
  ASSERT_EQ(second.errors().size(), 1U);
  EXPECT_NE(second.errors()[0].message.find(at("a.yaml")), std::string::npos);
  fs::remove(at("a.yaml"));
  second.scan();
  EXPECT_FALSE(enabled("x"));
  source_->scan();
  EXPECT_TRUE(has("x")) << "it has moved";
}

TEST_F(YamlDirectoryTest, BringsBackAnObjectThatSomebodyDeleted) {
  write("a.yaml", flag("a"));
  make().scan();
  ASSERT_OK(store_.remove(key("a")));
  source_->scan();
  EXPECT_TRUE(has("a"));
}

TEST_F(YamlDirectoryTest, SeesAFileThatIsSavedInEveryWay) {
  write("other.yaml", flag("other"));
  watching();
  write("a.yaml", flag("a"));
  EXPECT_TRUE(soon([&] { return has("a"); }));
  write("a.yaml", flag("a", false));  // in place
  EXPECT_TRUE(soon([&] { return !enabled("a"); }));
  write_atomically("a.yaml", flag("a", true));  // as editors do
  EXPECT_TRUE(soon([&] { return enabled("a"); }));
  write_file(directory_ / "moved", flag("a", false));
  fs::rename(directory_ / "moved", at("a.yaml"));  // from outside
  EXPECT_TRUE(soon([&] { return !enabled("a"); }));
  fs::remove(at("a.yaml"));
  EXPECT_TRUE(soon([&] { return !has("a"); }));
  write_file(directory_ / "linked", flag("l"));
  fs::create_hard_link(directory_ / "linked", at("l.yaml"));
  EXPECT_TRUE(soon([&] { return has("l"); }));
  fs::create_symlink(directory_ / "linked", at("s.yaml"));
  EXPECT_TRUE(soon([&] { return source_->errors().size() == 1; })) << "the same object twice";
}

TEST_F(YamlDirectoryTest, KeepsTheObjectOfAFileThatIsAwayForAMoment) {
  YamlDirectoryOptions options;
  options.gone = std::chrono::minutes(5);
  write("a.yaml", flag("a"));
  ASSERT_OK(make(options).start());
  const auto before = store_.get(key("a"));
  ASSERT_OK(before);
  fs::rename(at("a.yaml"), at("a.yaml~"));  // as some editors do before they write
  write("b.yaml", flag("b"));
  ASSERT_TRUE(soon([&] { return has("b"); }));
  EXPECT_TRUE(has("a"));
  write("a.yaml", flag("a", false));
  EXPECT_TRUE(soon([&] { return has("a") && !enabled("a"); }));
  const auto after = store_.get(key("a"));
  ASSERT_OK(after);
  EXPECT_EQ((*after)->meta.uid, (*before)->meta.uid) << "it was removed in between";
}

TEST_F(YamlDirectoryTest, LooksOnlyAtTheFileThatWasSaved) {
  write("a.yaml", flag("a"));
  write("b.yaml", flag("b"));
  watching();
  ASSERT_OK(store_.remove(key("b")));  // a look at everything would bring it back
  write_file(at("a.yaml.tmp"), flag("a", false));
  fs::rename(at("a.yaml.tmp"), at("a.yaml"));
  EXPECT_TRUE(soon([&] { return !enabled("a"); }));
  EXPECT_FALSE(has("b"));
}

TEST_F(YamlDirectoryTest, SeesABadFileGettingBadAndGood) {
  YamlDirectory& source = watching();
  write("a.yaml", flag("a"));
  ASSERT_TRUE(soon([&] { return has("a"); }));
  write("a.yaml", kBroken);
  EXPECT_TRUE(soon([&] { return !source.errors().empty(); }));
  EXPECT_TRUE(enabled("a"));
  write("a.yaml", flag("a", false));
  EXPECT_TRUE(soon([&] { return !enabled("a") && source.errors().empty(); }));
}

TEST_F(YamlDirectoryTest, SeesNewAndMovedFolders) {
  write("other.yaml", flag("other"));
  watching();
  write("new/deep/a.yaml", flag("a"));
  EXPECT_TRUE(soon([&] { return has("a"); }));
  write("new/deep/a.yaml", flag("a", false));
  EXPECT_TRUE(soon([&] { return !enabled("a"); }));
  const std::string outside = directory_ / "outside";
  fs::create_directories(outside);
  write_file(outside + "/b.yaml", flag("b"));
  fs::rename(outside, at("in"));
  EXPECT_TRUE(soon([&] { return has("b"); }));
  write("in/b.yaml", flag("b", false));
  EXPECT_TRUE(soon([&] { return !enabled("b"); }));
  fs::rename(at("in"), outside);
  EXPECT_TRUE(soon([&] { return !has("b"); }));
}

TEST_F(YamlDirectoryTest, SeesTheDirectoryComeAndComeAgain) {
  fs::remove_all(root_);
  YamlDirectory& source = watching();
  EXPECT_FALSE(source.synced());
  const std::string prepared = directory_ / "prepared";
  fs::create_directories(prepared);
  write_file(prepared + "/a.yaml", flag("a"));
  fs::rename(prepared, root_);
  EXPECT_TRUE(soon([&] { return has("a"); }));
  fs::rename(root_, prepared);
  EXPECT_TRUE(soon([&] { return !source.errors().empty(); }));
  EXPECT_TRUE(has("a"));
  write_file(prepared + "/a.yaml", flag("a", false));
  fs::rename(prepared, root_);
  EXPECT_TRUE(soon([&] { return !enabled("a"); }));
}

// A mounted ConfigMap: files are links into ..data, which is a link to a dated folder and is
// replaced in one rename.
TEST_F(YamlDirectoryTest, SeesAConfigMapSwap) {
  const auto publish = [&](int round, const std::map<std::string, std::string>& files) {
    const std::string folder = fmt::format("..2024_01_15_{}", round);
    std::error_code none;
    const fs::path old = fs::read_symlink(at("..data"), none);
    fs::create_directories(at(folder));
    for (const auto& [name, text] : files) {
      write_file(at(folder + "/" + name), text);
    }
    fs::create_symlink(folder, at("..data_tmp"));
    fs::rename(at("..data_tmp"), at("..data"));
    for (const auto& [name, text] : files) {
      if (!fs::is_symlink(at(name))) {
        fs::create_symlink("..data/" + name, at(name));
      }
    }
    if (!old.empty()) {
      fs::remove_all(at(old.string()));
    }
  };
  publish(1, {{"a.yaml", flag("a")}, {"b.yaml", flag("b")}});
  watching();
  EXPECT_TRUE(has("a") && has("b"));
  for (int round = 2; round < 10; ++round) {
    const bool on = round % 2 != 0;
    publish(round, {{"a.yaml", flag("a", on)}, {"b.yaml", flag("b", on)}});
    EXPECT_TRUE(soon([&] { return enabled("a") == on && enabled("b") == on; })) << round;
    EXPECT_TRUE(has("a") && has("b"));
  }
  EXPECT_EQ(home("a"), "a.yaml");
}

// git-sync: the directory is a link (here with a folder below it) to a worktree, replaced in one
// rename; the old worktree goes away.
TEST_F(YamlDirectoryTest, SeesAGitSyncSwap) {
  const auto publish = [&](int round, bool on) {
    const std::string tree = directory_ / fmt::format("rev{}", round);
    fs::create_directories(tree + "/manifests/sub");
    write_file(tree + "/manifests/a.yaml", flag("a", on));
    write_file(tree + "/manifests/sub/b.yaml", flag("b", on));
    fs::create_symlink(fmt::format("rev{}", round), directory_ / "tmp-link");
    fs::rename(directory_ / "tmp-link", directory_ / "current");
    fs::remove_all(directory_ / fmt::format("rev{}", round - 1));
  };
  publish(1, true);
  root_ = directory_ / "current/manifests";
  watching();
  EXPECT_TRUE(has("a") && has("b"));
  for (int round = 2; round < 10; ++round) {
    const bool on = round % 2 != 0;
    publish(round, on);
    EXPECT_TRUE(soon([&] { return enabled("a") == on && enabled("b") == on; })) << round;
    EXPECT_TRUE(has("a") && has("b"));
  }
  EXPECT_EQ(home("b"), "sub/b.yaml");
}

TEST_F(YamlDirectoryTest, TakesABurstOfAThousandFiles) {
  watching();
  for (int i = 0; i < 1000; ++i) {
    write(fmt::format("f{}.yaml", i), flag(fmt::format("f{}", i)));
  }
  EXPECT_TRUE(soon([&] { return store_.list(Kind::kFeatureFlag)->items.size() == 1000; }));
  for (int i = 0; i < 1000; ++i) {
    write_atomically(fmt::format("f{}.yaml", i), flag(fmt::format("f{}", i), false));
  }
  EXPECT_TRUE(soon([&] {
    const auto list = store_.list(Kind::kFeatureFlag);
    return std::none_of(list->items.begin(), list->items.end(), [](const auto& object) {
      return std::get<FeatureFlagSpec>(object->spec).enabled;
    });
  }));
  EXPECT_TRUE(source_->errors().empty());
}

TEST_F(YamlDirectoryTest, FindsByItselfWhatNoEventTold) {
  YamlDirectoryOptions options;
  options.rescan = milliseconds(20);
  write("a.yaml", flag("a"));
  ASSERT_OK(make(options).start());
  ASSERT_OK(store_.remove(key("a")));  // no event of the file system
  EXPECT_TRUE(soon([&] { return has("a"); }));
}

TEST_F(YamlDirectoryTest, KeepsTwoDirectoriesApart) {
  write("a.yaml", flag("a"));
  make().scan();
  const std::string other = directory_ / "other";
  fs::create_directories(other);
  write_file(other + "/b.yaml", flag("b"));
  YamlDirectory second({.root = other}, store_, metrics_, clock_, Logger());
  second.scan();
  source_->scan();
  EXPECT_TRUE(has("a") && has("b"));
}

}  // namespace
}  // namespace ripcord::yamldir
