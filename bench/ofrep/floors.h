// SPDX-License-Identifier: Apache-2.0
#pragma once
// The least that can be done for each measurement, without anything of ours but the HTTP server.
// Each gives microseconds, one for each of `count` rounds.

#include <filesystem>
#include <string>
#include <vector>

namespace ripcord::bench {

// Writes `path` anew, or writes `path` + ".tmp" and renames it over `path`.
void overwrite(const std::filesystem::path& path, const std::string& text);
void save(const std::filesystem::path& path, const std::string& text);

// A hello of the HTTP server.
std::vector<double> round_trips(int count);
// A row of the size of a flag in a SQLite file with WAL and synchronous=FULL.
std::vector<double> commits(const std::filesystem::path& path, int count);
// A file is saved; a thread that waits in inotify reads it; a client asks over HTTP until it sees
// that.
std::vector<double> reread_files(const std::filesystem::path& path, const std::string& text,
                                 int count);

}  // namespace ripcord::bench
