// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kinds of ripcord.dev/v1alpha1 and the key of an object. Values.

#include <array>
#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ripcord {

inline constexpr std::string_view kApiGroup = "ripcord.dev";
inline constexpr std::string_view kApiVersion = "ripcord.dev/v1alpha1";
inline constexpr std::string_view kDefaultNamespace = "default";

enum class Kind { kFeatureFlag, kTrafficTarget, kMigrationVersion, kRestoreRequest };

// In the order in which they are listed everywhere: cheapest rollback first.
inline constexpr std::array kAllKinds = {Kind::kFeatureFlag, Kind::kTrafficTarget,
                                         Kind::kMigrationVersion, Kind::kRestoreRequest};

std::string_view to_string(Kind kind);                      // "FeatureFlag"
std::string_view plural(Kind kind);                         // "featureflags"
std::string_view snake_name(Kind kind);                     // "feature_flag", as in metric labels
std::optional<Kind> kind_from_name(std::string_view name);  // "FeatureFlag" only

// What the queue carries and what identifies an object.
struct ObjectKey {
  Kind kind = Kind::kFeatureFlag;
  std::string ns{kDefaultNamespace};
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
};

std::string to_string(const ObjectKey& key);  // "FeatureFlag default/new-checkout"

}  // namespace ripcord

template <>
struct std::hash<ripcord::ObjectKey> {
  std::size_t operator()(const ripcord::ObjectKey& key) const noexcept {
    const std::size_t a = std::hash<std::string>{}(key.name);
    const std::size_t b = std::hash<std::string>{}(key.ns);
    return (a * 31 + b) * 31 + static_cast<std::size_t>(key.kind);
  }
};
