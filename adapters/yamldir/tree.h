// SPDX-License-Identifier: Apache-2.0
#pragma once
// One look at a directory of manifests: *.yaml, *.yml and *.json at any depth, names that begin
// with a dot left out. Links are followed; the link to the root and each `..data` (mounted
// ConfigMaps) are resolved once, so that all files of a look come from one side of a swap. After
// reading, ask same_links() whether a swap came in between. Values and functions; the file system
// is the only state.

#include "controller/base/status.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ripcord::yamldir {

// Tells whether a file was written since; never equal for two contents that a writer produced with
// ordinary calls.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  bool operator==(const FileStamp&) const = default;
};

struct TreeFile {
  std::string real;   // where to read it
  FileStamp stamp;    // default when it cannot be looked at
  std::string error;  // why it cannot be looked at; empty when it can
};

// Directories to watch: all names in it, or those that matter.
using WatchPlan = std::map<std::string, std::optional<std::set<std::string>>>;

struct Tree {
  Status root;                                     // ok when the root could be listed
  std::map<std::string, TreeFile> files;           // by path relative to the root
  std::map<std::string, std::string> directories;  // real path -> path relative to the root
  std::vector<std::string> unreadable;             // relative paths of directories
  std::map<std::string, std::string> links;        // path -> what it pointed at
  WatchPlan watch;  // also when the root is missing: where it would appear
};

bool is_manifest_name(const std::string& name);
Tree look_at(const std::string& root);
bool same_links(const Tree& tree);

struct FileText {
  std::string text;
  FileStamp stamp;
};
// NotFound: gone since the look. Unavailable: changed while it was read. Otherwise a message that
// says why it cannot be read.
Result<FileText> read_text(const std::string& path);

}  // namespace ripcord::yamldir
