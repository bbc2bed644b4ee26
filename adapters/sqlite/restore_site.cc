// SPDX-License-Identifier: Apache-2.0
#include "adapters/sqlite/restore_site.h"

#include <cctype>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::sqlite {
namespace {

namespace fs = std::filesystem;

Status write_synced(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) {
    return file_error("write", path, errno);
  }
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  const int error_number = errno;
  ::close(fd);
  return written ? ok_status() : file_error("write", path, error_number);
}

std::optional<RestoreJournal> read_whole(const std::string& path) {
  std::ifstream file(path);
  RestoreJournal journal;
  std::string header;
  std::string schema_version;
  std::string has_previous;
  const bool whole = std::getline(file, header) && std::getline(file, journal.uid) &&
                     std::getline(file, journal.stage) && std::getline(file, journal.backup) &&
                     std::getline(file, schema_version) && std::getline(file, has_previous);
  if (!whole || header != "ripcord restore 1") {
    return std::nullopt;
  }
  journal.schema_version = std::atoll(schema_version.c_str());
  journal.has_previous = has_previous == "previous";
  // Absent in a journal of an earlier Ripcord.
  if (std::string number; std::getline(file, number)) {
    journal.swap_number = std::atoll(number.c_str());
    journal.overtaken = number.ends_with(" overtaken");
  }
  return journal;
}

}  // namespace

RestoreFiles restore_files(const std::string& live, const std::string& uid) {
  std::string id;
  for (const char c : uid) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 && id.size() < 8) {
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return {live, live + ".ripcord-" + id, live + ".before-" + id,
          live + ".ripcord-" + id + ".state"};
}

Result<std::optional<RestoreJournal>> read_journal(const RestoreSite& site) {
  if (!file_exists(site.files.journal)) {
    return std::nullopt;
  }
  const std::optional<RestoreJournal> read = read_whole(site.files.journal);
  if (!read) {
    return error(
        StatusCode::kFailedPrecondition,
        fmt::format("{} is no restore journal; remove it if nobody restores", site.files.journal),
        "BadJournal");
  }
  const RestoreJournal& journal = *read;
  if (journal.uid != site.uid) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("{} belongs to the restore {}; remove it, or create a new "
                             "RestoreRequest",
                             site.files.journal, journal.uid),
                 "NameTaken");
  }
  return read;
}

RestoreSite site_of(const RestoreSite& site, const std::string& uid) {
  RestoreSite other = site;
  other.uid = uid;
  other.files = restore_files(site.files.live, uid);
  return other;
}

Result<std::vector<RestoreJournal>> swapped_journals(const RestoreSite& site) {
  const fs::path live(site.files.live);
  const std::string start = live.filename().string() + ".ripcord-";
  std::vector<RestoreJournal> found;
  std::error_code failure;
  for (fs::directory_iterator at(live.parent_path(), failure), end; !failure && at != end;
       at.increment(failure)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(start) && name.ends_with(".state")) {
      const std::optional<RestoreJournal> journal = read_whole(at->path().string());
      if (journal && journal->stage == "swapped") {
        found.push_back(*journal);
      }
    }
  }
  if (failure) {
    return tl::unexpected(file_error("read", live.parent_path().string(), failure.value()));
  }
  return found;
}

Status write_journal(const RestoreSite& site, const RestoreJournal& journal) {
  const std::string fresh = site.files.journal + ".new";
  trace_point(site.trace, "before journal " + journal.stage);
  RETURN_IF_ERROR(
      write_synced(fresh, fmt::format("ripcord restore 1\n{}\n{}\n{}\n{}\n{}\n{}{}\n", journal.uid,
                                      journal.stage, journal.backup, journal.schema_version,
                                      journal.has_previous ? "previous" : "no previous",
                                      journal.swap_number, journal.overtaken ? " overtaken" : "")));
  RETURN_IF_ERROR(rename_durably(fresh, site.files.journal));
  trace_point(site.trace, "after journal " + journal.stage);
  return {};
}

Status file_error(std::string_view what, const std::string& path, int error_number) {
  const StatusCode code = error_number == ENOSPC || error_number == EDQUOT
                              ? StatusCode::kResourceExhausted
                          : error_number == EACCES || error_number == EPERM || error_number == EROFS
                              ? StatusCode::kPermissionDenied
                              : StatusCode::kUnavailable;
  return {code, fmt::format("cannot {} {}: {}", what, path, std::strerror(error_number))};
}

bool file_exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::int64_t file_bytes(const std::string& path) {
  std::error_code failure;
  const auto bytes = fs::file_size(path, failure);
  return failure ? 0 : static_cast<std::int64_t>(bytes);
}

Status remove_database(const std::string& path) {
  for (const char* ending : {"-wal", "-shm", "-journal", ""}) {
    std::error_code failure;
    fs::remove(path + ending, failure);
    if (failure) {
      return file_error("remove", path + ending, failure.value());
    }
  }
  return {};
}

Status sync_directory_of(const std::string& path) {
  const std::string directory = fs::path(path).parent_path().string();
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return file_error("open", directory, errno);
  }
  const bool synced = ::fsync(fd) == 0;
  const int error_number = errno;
  ::close(fd);
  return synced ? ok_status() : file_error("sync", directory, error_number);
}

Status rename_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return file_error("rename to", to, errno);
  }
  return sync_directory_of(to);
}

}  // namespace ripcord::sqlite
