// SPDX-License-Identifier: Apache-2.0
#pragma once
// The SQL corpora of tests/golden/sql: files of cases, each behind a line "--! what is expected".

#include "tests/support/paths/paths.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace ripcord {

struct SqlCase {
  std::string file;      // without its ending
  std::string expected;  // behind "--! "
  std::string script;
};

inline std::vector<SqlCase> read_sql_cases(const std::filesystem::path& file) {
  std::vector<SqlCase> cases;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("--! ", 0) == 0) {
      cases.push_back({file.stem().string(), line.substr(4), {}});
    } else if (!cases.empty()) {
      cases.back().script += line + "\n";
    }
  }
  return cases;
}

// Of a file or all files of a folder below tests/golden/sql.
inline std::vector<SqlCase> sql_cases(const std::string& below) {
  const std::filesystem::path root =
      std::filesystem::path(source_dir()) / "tests/golden/sql" / below;
  if (!std::filesystem::is_directory(root)) {
    return read_sql_cases(root);
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<SqlCase> all;
  for (const auto& file : files) {
    const auto cases = read_sql_cases(file);
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

}  // namespace ripcord
