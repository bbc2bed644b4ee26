// SPDX-License-Identifier: Apache-2.0
#pragma once
// What somebody who follows one object of any kind needs of lists and watches: that it became
// another, and nothing of what it holds. Pure functions, thread-safe.

#include "controller/base/status.h"

#include <string>
#include <string_view>

namespace ripcord::codec {

struct ListedVersion {
  std::string collection;  // to watch from
  std::string object;      // of the first item; empty: there is none
};
Result<ListedVersion> decode_listed_version(std::string_view body);

struct VersionFrame {
  std::string type;  // ADDED, MODIFIED, DELETED, BOOKMARK
  std::string version;
};
// An ERROR frame is its Status, such as Expired; what is no frame is Internal.
Result<VersionFrame> decode_version_frame(std::string_view line);

}  // namespace ripcord::codec
