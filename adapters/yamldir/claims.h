// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which file each object comes from. An object has one home: the file that has it already, else the
// first by path; every other file that names it is a duplicate. Pure, for one thread.

#include "controller/model/kind.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ripcord::yamldir {

class Claims {
 public:
  // Replaces what `file` names; returns the keys it named before or names now. An empty set forgets
  // the file.
  std::set<ObjectKey> set(const std::string& file, std::set<ObjectKey> keys) {
    std::set<ObjectKey> affected = std::exchange(of_file_[file], keys);
    for (const ObjectKey& key : affected) {
      of_key_[key].erase(file);
    }
    for (const ObjectKey& key : keys) {
      of_key_[key].insert(file);
    }
    affected.insert(keys.begin(), keys.end());
    return affected;
  }

  // Says where an object came from before this process knew it.
  void remember_home(const ObjectKey& key, const std::string& file) {
    homes_.try_emplace(key, file);
  }

  // The home of the object now; nothing when no file names it any more.
  std::optional<std::string> home(const ObjectKey& key) {
    const auto claimants = of_key_.find(key);
    if (claimants == of_key_.end() || claimants->second.empty()) {
      homes_.erase(key);
      if (claimants != of_key_.end()) {
        of_key_.erase(claimants);
      }
      return std::nullopt;
    }
    const auto known = homes_.find(key);
    if (known == homes_.end() || !claimants->second.contains(known->second)) {
      homes_[key] = *claimants->second.begin();
    }
    return homes_[key];
  }

  // All files that name the object, by path.
  std::vector<std::string> files(const ObjectKey& key) const {
    const auto it = of_key_.find(key);
    return it == of_key_.end() ? std::vector<std::string>()
                               : std::vector<std::string>(it->second.begin(), it->second.end());
  }

  const std::set<ObjectKey>& keys(const std::string& file) { return of_file_[file]; }

 private:
  std::map<std::string, std::set<ObjectKey>> of_file_;
  std::unordered_map<ObjectKey, std::set<std::string>> of_key_;
  std::unordered_map<ObjectKey, std::string> homes_;
};

}  // namespace ripcord::yamldir
