// SPDX-License-Identifier: Apache-2.0
#pragma once
// The versions of a schema that a release can run on. A value.

#include <cstdint>
#include <optional>

namespace ripcord {

struct SchemaRange {
  std::optional<std::int64_t> min;  // inclusive; absent: no bound
  std::optional<std::int64_t> max;

  // `version` absent: nothing applied, which is below every version.
  bool contains(const std::optional<std::int64_t>& version) const {
    return (!min || (version && *version >= *min)) && (!max || !version || *version <= *max);
  }
  bool operator==(const SchemaRange&) const = default;
};

}  // namespace ripcord
