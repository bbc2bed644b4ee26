// SPDX-License-Identifier: Apache-2.0
#include "adapters/backupdir/backup_name.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace ripcord {
namespace {

Status bad_name(const std::string& field, const std::string& name, std::string_view why) {
  return {StatusCode::kInvalidArgument,
          fmt::format("{}: {:?} {}; write the plain name of a file or directory in the catalog",
                      field, name, why),
          "InvalidBackupName"};
}

}  // namespace

Status check_backup_name(const std::string& field, const std::string& name) {
  if (name.empty()) {
    return bad_name(field, name, "is empty");
  }
  if (name.size() > 255) {
    return bad_name(field, name.substr(0, 40) + "...", "is longer than 255 bytes");
  }
  if (name.find_first_of("/\\") != std::string::npos) {
    return bad_name(field, name, "contains a path separator");
  }
  if (name.front() == '.') {
    return bad_name(field, name, "starts with a dot");
  }
  const auto control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  };
  if (std::any_of(name.begin(), name.end(), control)) {
    return bad_name(field, name, "contains a control character");
  }
  return {};
}

}  // namespace ripcord
