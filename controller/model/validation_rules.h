// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parts of validate(): one `check` a kind, and the collector they write to. Internal to
// controller/model.

#include "controller/model/validation.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ripcord {

inline constexpr std::size_t kMaxReasonBytes = 1024;
inline constexpr std::size_t kMaxPathBytes = 4096;

// A name as messages repeat it: one that looks like a URL is not shown.
std::string shown(std::string_view name);

class FieldErrors {
 public:
  void add(std::string path, std::string message);
  // A text of at most `limit` bytes without NUL.
  void text(const std::string& path, std::string_view value, std::size_t limit);
  void at_most(const std::string& path, std::size_t count, std::size_t limit);
  void range(const std::string& path, std::int64_t value, std::int64_t least, std::int64_t most);
  void duration(const std::string& path, Duration value, Duration least, Duration most);
  std::vector<FieldError> take() { return std::move(errors_); }

 private:
  std::vector<FieldError> errors_;
};

void check(const FeatureFlagSpec& spec, FieldErrors& errors);
void check(const TrafficTargetSpec& spec, FieldErrors& errors);
void check(const MigrationVersionSpec& spec, FieldErrors& errors);
void check(const RestoreRequestSpec& spec, FieldErrors& errors);

// Letters, digits and '_', not starting with a digit.
bool is_environment_name(std::string_view name);
// Shared by the kinds.
void check_override(const OverrideBase& override, FieldErrors& errors);
void check_database(const DatabaseRef& database, FieldErrors& errors);
void check_sinks(const std::vector<FlagSink>& sinks, FieldErrors& errors);
// Expand, migrate and contract: transitions, schemaRange, contractSoak, archive.
void check_transitions(const MigrationVersionSpec& spec, FieldErrors& errors);
void check_cluster_traffic(const TrafficTargetSpec& spec, FieldErrors& errors);
// Of an object in the namespace of the one that names it, and of a key in its data.
void check_object_name(const std::string& path, const std::string& name, FieldErrors& errors);
void check_object_key(const std::string& path, const std::string& key, FieldErrors& errors);
void check_http_url(const std::string& path, std::string_view url, FieldErrors& errors);

}  // namespace ripcord
