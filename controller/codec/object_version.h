// SPDX-License-Identifier: Apache-2.0
#pragma once
// What somebody who follows a few objects of any kind needs of lists and watches: that one became
// another, and nothing of what it holds. Pure functions, thread-safe.

#include "controller/base/status.h"

#include <map>
#include <string>
#include <string_view>

namespace ripcord::codec {

struct ListedVersions {
  std::string collection;                      // to watch from
  std::map<std::string, std::string> objects;  // name -> version
};
Result<ListedVersions> decode_listed_versions(std::string_view body);

struct VersionFrame {
  std::string type;  // ADDED, MODIFIED, DELETED, BOOKMARK
  std::string name;  // empty in a BOOKMARK
  std::string version;
};
// An ERROR frame is its Status, such as Expired; what is no frame is Internal with kNoFrame.
Result<VersionFrame> decode_version_frame(std::string_view line);

}  // namespace ripcord::codec
