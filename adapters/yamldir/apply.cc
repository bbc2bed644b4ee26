// SPDX-License-Identifier: Apache-2.0
// What YamlDirectory does to the store, object by object, and what it says about it.
#include "adapters/yamldir/yaml_directory.h"
#include "controller/codec/api_write.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <tuple>

#include <fmt/format.h>

namespace ripcord::yamldir {
namespace {

constexpr int kWriteAttempts = 10;
constexpr std::size_t kEachApplier = 8;  // fewer are not worth a thread
constexpr std::size_t kMostAppliers = 64;

const std::string* annotation(const Resource& object, std::string_view name) {
  const auto it = object.meta.annotations.find(std::string(name));
  return it == object.meta.annotations.end() ? nullptr : &it->second;
}

auto place(const codec::ManifestError& error) {
  return std::tie(error.file, error.line, error.column, error.field, error.message);
}

}  // namespace

// Objects in the store that came from this directory, and from which file.
std::map<ObjectKey, std::string> YamlDirectory::stored_objects() const {
  std::map<ObjectKey, std::string> stored;
  for (const Kind kind : kAllKinds) {
    const Result<ObjectList> list = store_.list(kind);
    if (!list) {
      log_.warning("cannot list what is stored; nothing is removed now",
                   {{"error", to_string(list.error())}});
      continue;
    }
    for (const ResourcePtr& object : list->items) {
      const std::string* root = annotation(*object, kRootAnnotation);
      const std::string* file = annotation(*object, kSourceAnnotation);
      if (root != nullptr && *root == root_ && file != nullptr) {
        stored.emplace(object->key(), *file);
      }
    }
  }
  return stored;
}

// Notes duplicates, and removes an object that has no home any more; otherwise what its home says.
std::optional<YamlDirectory::Due> YamlDirectory::settle(const ObjectKey& key) {
  refused_.erase(key);
  duplicates_.erase(key);
  const std::optional<std::string> home = claims_.home(key);
  if (!home) {
    const Result<ResourcePtr> live = store_.get(key);
    const std::string* root = live ? annotation(**live, kRootAnnotation) : nullptr;
    const std::string* file = live ? annotation(**live, kSourceAnnotation) : nullptr;
    if (root != nullptr && *root == root_ && file != nullptr && !still_declared(*file)) {
      prune(key, *file);
    }
    return std::nullopt;
  }
  for (const std::string& file : claims_.files(key)) {
    const auto& manifests = sources_[file].manifests;
    if (const auto it = manifests.find(key); file != *home && it != manifests.end()) {
      duplicates_[key].push_back(
          {file, it->second.line, 1, "metadata.name",
           fmt::format("{} is already in {}; an object has one home: remove it from {} or from {}",
                       to_string(key), *home, *home, file)});
    }
  }
  const auto& manifests = sources_[*home].manifests;
  const auto manifest = manifests.find(key);
  if (manifest == manifests.end()) {
    return std::nullopt;  // named by a document that is broken now
  }
  return Due{key, &manifest->second, *home};
}

// Many at a time, since a durable store writes those that wait together in one go.
void YamlDirectory::apply_all(const std::vector<Due>& due) {
  std::vector<Status> outcomes(due.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < due.size(); i = next++) {
      outcomes[i] = apply(*due[i].manifest, due[i].file);
    }
  };
  {
    std::vector<std::jthread> appliers;
    for (std::size_t i = 1; i < std::min(due.size() / kEachApplier, kMostAppliers); ++i) {
      appliers.emplace_back(work);
    }
    work();
  }
  for (std::size_t i = 0; i < due.size(); ++i) {
    if (!outcomes[i].ok()) {
      refused_[due[i].key] = {due[i].file, due[i].manifest->line, 1, "", outcomes[i].message()};
    }
  }
}

Status YamlDirectory::apply(const codec::Manifest& manifest, const std::string& file) {
  const ObjectKey key = manifest.object.key();
  Status outcome;
  for (int i = 0; i < kWriteAttempts; ++i) {
    const Result<ResourcePtr> live = store_.get(key);
    if (!live && live.error().code() != StatusCode::kNotFound) {
      return live.error();
    }
    if (live) {
      RETURN_IF_ERROR(refuse_foreign(**live));
    }
    ASSIGN_OR_RETURN(Resource wanted,
                     codec::apply_manifest(manifest, live ? live->get() : nullptr));
    codec::resolve_relative_paths(wanted, root_ + "/" + file);
    wanted.meta.annotations[std::string(kSourceAnnotation)] = file;
    wanted.meta.annotations[std::string(kRootAnnotation)] = root_;
    if (live) {
      codec::own_direct_change(**live, wanted, "ripcord-manifests", clock_.wall_now());
    }
    const Result<ResourcePtr> written = live ? store_.update(wanted) : store_.create(wanted);
    if (written) {
      const bool changed =
          !live || (*live)->meta.resource_version != (*written)->meta.resource_version;
      if (changed) {
        log_.info("applied", {{"object", to_string(key)},
                              {"file", file},
                              {"generation", fmt::to_string((*written)->meta.generation)}});
      }
      return ok_status();
    }
    outcome = written.error();
    const StatusCode code = outcome.code();
    if (code != StatusCode::kConflict && code != StatusCode::kAlreadyExists &&
        code != StatusCode::kNotFound) {
      break;
    }
  }
  return outcome;
}

// An object that another directory keeps, as long as its file is there.
Status YamlDirectory::refuse_foreign(const Resource& live) const {
  const std::string* root = annotation(live, kRootAnnotation);
  const std::string* file = annotation(live, kSourceAnnotation);
  std::error_code failed;
  if (root == nullptr || file == nullptr || *root == root_ ||
      !std::filesystem::exists(*root + "/" + *file, failed)) {
    return ok_status();
  }
  return Status(StatusCode::kAlreadyExists,
                fmt::format("{} is already in {}/{}; an object has one home: remove one of the two",
                            to_string(live.key()), *root, *file));
}

void YamlDirectory::prune(const ObjectKey& key, const std::string& file) {
  const Result<ResourcePtr> live = store_.get(key);
  if (!live || (*live)->meta.deletion_timestamp) {
    return;
  }
  const std::string* root = annotation(**live, kRootAnnotation);
  const std::string* source = annotation(**live, kSourceAnnotation);
  if (root == nullptr || *root != root_ || source == nullptr || *source != file) {
    return;  // it has another home by now
  }
  const Status removed = store_.remove(key, {(*live)->meta.uid, (*live)->meta.resource_version});
  if (removed.ok()) {
    log_.info("removed; nothing is undone in the real system",
              {{"object", to_string(key)}, {"file", file}});
  } else {
    log_.warning("cannot remove; trying again at the next look",
                 {{"object", to_string(key)}, {"file", file}, {"error", to_string(removed)}});
  }
}

// Logs what is newly wrong, once.
void YamlDirectory::publish_errors() {
  std::vector<codec::ManifestError> now;
  if (!tree_.root.ok()) {
    now.push_back({root_, 0, 0, "", tree_.root.message() + "; its objects stay as they are"});
  }
  for (const std::string& directory : tree_.unreadable) {
    if (!directory.empty()) {
      now.push_back(
          {directory, 0, 0, "", "the directory cannot be read; its objects stay as they are"});
    }
  }
  for (const std::string& file : faulty_) {
    const auto& errors = sources_[file].errors;
    now.insert(now.end(), errors.begin(), errors.end());
  }
  for (const auto& [key, error] : refused_) {
    now.push_back(error);
  }
  for (const auto& [key, errors] : duplicates_) {
    now.insert(now.end(), errors.begin(), errors.end());
  }
  const auto earlier = [](const auto& a, const auto& b) { return place(a) < place(b); };
  std::sort(now.begin(), now.end(), earlier);
  std::vector<codec::ManifestError> before;
  {
    MutexLock lock(mutex_);
    before = std::exchange(errors_, now);
  }
  for (const codec::ManifestError& error : now) {
    if (!std::binary_search(before.begin(), before.end(), error, earlier)) {
      log_.error("manifest refused", {{"file", error.file},
                                      {"line", fmt::to_string(error.line)},
                                      {"column", fmt::to_string(error.column)},
                                      {"field", error.field},
                                      {"error", error.message}});
    }
  }
  if (now.empty() && !before.empty()) {
    log_.info("all manifests are good again");
  }
  metrics_.set(kManifestErrorsMetric, {root_}, static_cast<double>(now.size()));
}

}  // namespace ripcord::yamldir
