// SPDX-License-Identifier: Apache-2.0
#include "adapters/yamldir/yaml_directory.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace ripcord::yamldir {
namespace {

constexpr int kLooks = 8;  // tries to see the tree between two swaps
constexpr Duration kRetry = std::chrono::seconds(1);

std::string absolute(const std::string& directory) {
  std::string path = std::filesystem::absolute(directory).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

bool below(const std::string& file, const std::string& directory) {
  return directory.empty() || file.starts_with(directory + "/");
}

}  // namespace

YamlDirectory::YamlDirectory(YamlDirectoryOptions options, ObjectStore& store, MetricSink& metrics,
                             Clock& clock, Logger log)
    : options_(std::move(options)),
      root_(absolute(options_.root)),
      store_(store),
      metrics_(metrics),
      clock_(clock),
      log_(log.with("directory", root_)) {
  metrics_.set(kManifestErrorsMetric, {root_}, 0);
}

YamlDirectory::~YamlDirectory() {
  stop();
}

Status YamlDirectory::start() {
  if (Result<std::unique_ptr<InotifyWatch>> watch = InotifyWatch::open()) {
    watch_ = std::move(*watch);
  } else {
    log_.warning("cannot watch; looking every second instead",
                 {{"error", to_string(watch.error())}});
  }
  look(true);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return ok_status();
}

void YamlDirectory::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
    watch_.reset();
  }
}

bool YamlDirectory::synced() const {
  MutexLock lock(mutex_);
  return synced_;
}

std::vector<codec::ManifestError> YamlDirectory::errors() const {
  MutexLock lock(mutex_);
  return errors_;
}

void YamlDirectory::scan() {
  look(false);
}

void YamlDirectory::run(const std::stop_token& stop) {
  const std::stop_callback waker(stop, [this] {
    if (watch_) {
      watch_->wake();
    }
  });
  MonoTime looked = clock_.now();
  while (!stop.stop_requested()) {
    const bool soon = !watch_ || !refused_.empty() || !tree_.root.ok() || unreadable_;
    const MonoTime due = looked + (soon ? std::min(kRetry, options_.rescan) : options_.rescan);
    const MonoTime until = gone_.empty() ? due : std::min(due, gone_until_);
    Changes changes;
    if (!watch_) {
      clock_.sleep_for(std::max(until - clock_.now(), Duration::zero()), stop);
    } else if (until > clock_.now()) {
      take_burst(until - clock_.now(), changes);
    }
    if (stop.stop_requested()) {
      return;
    }
    const bool removed = sort_out_gone(changes);
    const bool whole =
        removed || changes.everything || clock_.now() >= due || !look_at_files(changes.files);
    if (whole) {
      gone_.clear();
      look(true);
      looked = clock_.now();
    }
  }
}

// Waits for a change, then for the end of the burst it may have begun. A file that was saved is
// complete: alone, it is taken at once.
void YamlDirectory::take_burst(Duration timeout, Changes& changes) {
  if (!watch_->wait(timeout, changes)) {
    return;
  }
  const MonoTime end = clock_.now() + options_.burst;
  const auto lone = [&] { return !changes.everything && changes.files.size() <= 1; };
  while (!lone() && clock_.now() < end && watch_->wait(options_.quiet, changes)) {
  }
}

// Names that something has gone from: nothing was there that counts, or it has come back whole, or
// it is waited for. True when something that counted is gone for good.
bool YamlDirectory::sort_out_gone(Changes& changes) {
  for (const std::string& path : changes.files) {
    gone_.erase(path);
  }
  for (const std::string& path : changes.gone) {
    if (tree_.links.contains(path)) {
      changes.everything = true;
    } else if (is_manifest_name(std::filesystem::path(path).filename().string())) {
      gone_until_ = gone_.empty() ? clock_.now() + options_.gone : gone_until_;
      gone_.insert(path);
    }
  }
  return !gone_.empty() && clock_.now() >= gone_until_;
}

// Looks at everything.
void YamlDirectory::look(bool with_watch) {
  std::optional<Texts> texts;
  for (int i = 0; i < kLooks && !texts; ++i) {
    tree_ = look_at(root_);
    if (with_watch && watch_) {
      const Result<int> added = watch_->follow(tree_.watch);
      if (!added) {
        log_.warning("cannot watch every directory; those are found by the periodic look",
                     {{"error", to_string(added.error())}});
      } else if (*added > 0 && i + 1 < kLooks) {
        continue;  // something may have come in before the watch did
      }
    }
    texts = read_changed();
  }
  if (!texts) {  // it never held still, or a link points nowhere: take what there is
    texts.emplace();
    for (const auto& [path, file] : tree_.files) {
      texts->emplace(path, read_text(file.real));
    }
  }
  std::map<ObjectKey, std::string> stored;
  if (tree_.root.ok()) {
    stored = stored_objects();
    if (may_be_unmounted(stored)) {
      tree_.root =
          Status(StatusCode::kUnavailable,
                 fmt::format(
                     "the directory has no manifest any more, but {} objects came from it; is it a "
                     "volume that is not mounted? To remove them all, leave a *.yaml file without "
                     "a document in it",
                     stored.size()));
    }
  }
  if (tree_.root.ok()) {
    for (const auto& [key, file] : stored) {
      claims_.remember_home(key, file);
    }
    for (const auto& [path, source] : sources_) {
      if (!tree_.files.contains(path) && !still_declared(path)) {
        texts->emplace(path, error(StatusCode::kNotFound, ""));
      }
    }
    absorb(*texts, &stored);
    unreadable_ = std::any_of(sources_.begin(), sources_.end(),
                              [](const auto& source) { return !source.second.readable; });
    for (const auto& [key, file] : stored) {
      if (!claims_.home(key) && !still_declared(file)) {
        prune(key, file);
      }
    }
    MutexLock lock(mutex_);
    synced_ = true;
  }
  publish_errors();
}

// The text of every file that is new or was written since it was last read; nothing when the tree
// changed under our hands.
std::optional<YamlDirectory::Texts> YamlDirectory::read_changed() {
  Texts texts;
  for (const auto& [path, file] : tree_.files) {
    const auto known = sources_.find(path);
    if (known != sources_.end() && known->second.readable && known->second.stamp == file.stamp &&
        file.error.empty()) {
      continue;
    }
    Result<FileText> text =
        file.error.empty() ? read_text(file.real) : error(StatusCode::kNotFound, file.error);
    const bool moving = !text && (text.error().code() == StatusCode::kNotFound ||
                                  text.error().code() == StatusCode::kUnavailable);
    const bool news = known == sources_.end() || known->second.readable;
    if (moving && news) {
      return std::nullopt;
    }
    texts.emplace(path, std::move(text));
  }
  return same_links(tree_) ? std::optional<Texts>(std::move(texts)) : std::nullopt;
}

// The quick way for files that were written in place or renamed over. False: look at everything.
bool YamlDirectory::look_at_files(const std::set<std::string>& real_paths) {
  if (real_paths.empty()) {
    return true;
  }
  Texts texts;
  for (const std::string& real : real_paths) {
    const std::filesystem::path path(real);
    const auto directory = tree_.directories.find(path.parent_path().string());
    if (directory == tree_.directories.end()) {
      return false;
    }
    const std::string name = path.filename().string();
    const std::string file = directory->second.empty() ? name : directory->second + "/" + name;
    Result<FileText> text = read_text(real);
    if (!text) {
      return false;
    }
    tree_.files[file] = {real, text->stamp, ""};
    texts.emplace(file, std::move(text));
  }
  absorb(texts, nullptr);
  publish_errors();
  return true;
}

void YamlDirectory::absorb(const Texts& texts, const std::map<ObjectKey, std::string>* stored) {
  std::set<ObjectKey> affected;
  for (const auto& [file, text] : texts) {
    affected.merge(absorb_one(file, text, stored));
  }
  if (stored != nullptr) {
    for (const auto& [key, error] : refused_) {
      affected.insert(key);
    }
    // What a file has but the store has not: somebody deleted it.
    for (const auto& [file, source] : sources_) {
      for (const auto& [key, manifest] : source.manifests) {
        if (!stored->contains(key)) {
          affected.insert(key);
        }
      }
    }
  }
  std::vector<Due> due;
  for (const ObjectKey& key : affected) {
    if (std::optional<Due> one = settle(key)) {
      due.push_back(*std::move(one));
    }
  }
  apply_all(due);
}

// Takes one file's text in; returns the keys whose object may have to change. `stored` (where
// objects came from) is given in a whole look.
std::set<ObjectKey> YamlDirectory::absorb_one(const std::string& file, const Result<FileText>& text,
                                              const std::map<ObjectKey, std::string>* stored) {
  if (!text && text.error().code() == StatusCode::kNotFound && !tree_.files.contains(file)) {
    sources_.erase(file);
    faulty_.erase(file);
    return claims_.set(file, {});
  }
  Source& source = sources_[file];
  std::map<ObjectKey, codec::Manifest> before;
  if (!text) {  // its objects keep their last good state
    source.readable = false;
    source.errors = {{file, 0, 0, "", text.error().message()}};
    faulty_.insert(file);
  } else {
    const std::size_t digest = std::hash<std::string>{}(text->text);
    source.stamp = text->stamp;
    if (source.readable && source.digest == digest) {
      return {};
    }
    source.readable = true;
    source.digest = digest;
    codec::ManifestFile read = codec::read_manifests(text->text, file);
    source.errors = std::move(read.errors);
    faulty_.erase(file);
    if (!source.errors.empty()) {
      faulty_.insert(file);
    }
    before = std::exchange(source.manifests, {});
    for (codec::Manifest& manifest : read.manifests) {
      source.manifests.try_emplace(manifest.object.key(), std::move(manifest));
    }
  }
  std::set<ObjectKey> keys;
  for (const auto& [key, manifest] : source.manifests) {
    keys.insert(key);
  }
  if (!source.errors.empty()) {  // which objects the bad documents are about cannot be known
    keys.insert(claims_.keys(file).begin(), claims_.keys(file).end());
    for (const auto& [key, home] :
         stored != nullptr ? *stored : std::map<ObjectKey, std::string>()) {
      if (home == file) {
        keys.insert(key);
      }
    }
  }
  std::set<ObjectKey> affected = claims_.set(file, std::move(keys));
  std::erase_if(affected, [&](const ObjectKey& key) {  // the same document as before
    const auto was = before.find(key);
    const auto is = source.manifests.find(key);
    return was != before.end() && is != source.manifests.end() &&
           was->second.document == is->second.document && !refused_.contains(key) &&
           !duplicates_.contains(key);
  });
  return affected;
}

// The place where a volume belongs is an empty directory as long as it is not mounted.
bool YamlDirectory::may_be_unmounted(const std::map<ObjectKey, std::string>& stored) const {
  return tree_.files.empty() && tree_.unreadable.empty() && !stored.empty();
}

// Whether the objects of `file` must stay although no manifest names them now.
bool YamlDirectory::still_declared(const std::string& file) const {
  if (!tree_.root.ok() ||
      std::any_of(tree_.unreadable.begin(), tree_.unreadable.end(),
                  [&](const std::string& directory) { return below(file, directory); })) {
    return true;
  }
  const auto source = sources_.find(file);
  return source != sources_.end() && tree_.files.contains(file) && !source->second.errors.empty();
}

}  // namespace ripcord::yamldir
