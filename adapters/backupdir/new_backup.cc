// SPDX-License-Identifier: Apache-2.0
#include "adapters/backupdir/new_backup.h"

#include "adapters/backupdir/backup_name.h"
#include "controller/base/file_digest.h"
#include "controller/codec/backup_manifest.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPartial = ".partial";

Status failed(std::string_view what, const std::string& path, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  const bool denied = error_number == EACCES || error_number == EPERM || error_number == EROFS;
  return {full     ? StatusCode::kResourceExhausted
          : denied ? StatusCode::kPermissionDenied
                   : StatusCode::kUnavailable,
          fmt::format("cannot {} {}: {}", what, path, std::strerror(error_number)),
          full ? "DiskFull" : ""};
}

Status sync(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return failed("open", path, errno);
  }
  const int error_number = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  return error_number == 0 ? ok_status() : failed("sync", path, error_number);
}

std::string_view ending_of(BackupFormat format) {
  return format == BackupFormat::kPgDirectory  ? ".dir"
         : format == BackupFormat::kSqliteFile ? ".db"
                                               : ".dump";
}

// A lock on a directory goes with its owner, be it by SIGKILL.
int lock_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0 && ::flock(directory, LOCK_EX | LOCK_NB) != 0) {
    ::close(directory);
    return -1;
  }
  return directory;
}

void remove_leftovers(const fs::path& catalog) {
  std::error_code failure;
  for (fs::directory_iterator at(catalog, failure), end; !failure && at != end;
       at.increment(failure)) {
    const std::string name = at->path().filename().string();
    if (name.front() == '.' && name.ends_with(kPartial)) {
      if (const int lock = lock_directory(at->path().string()); lock >= 0) {
        std::error_code ignored;
        fs::remove_all(at->path(), ignored);
        ::close(lock);
      }
    }
  }
}

Status exists(const std::string& entry, std::string_view what) {
  return {StatusCode::kAlreadyExists,
          fmt::format("backup {} {}; choose another --name", entry, what), "BackupExists"};
}

// What spec.backup can name, too.
Status check_new_name(const std::string& name) {
  RETURN_IF_ERROR(check_backup_name("--name", name));
  if (name.find(' ') != std::string::npos || name.find("..") != std::string::npos ||
      name.front() == '-' || name.ends_with(kManifestEnding) || name == kLatestBackup) {
    return {StatusCode::kInvalidArgument,
            fmt::format("--name: {:?} cannot be named by a RestoreRequest; write letters, digits, "
                        "'_', '-' and '.'",
                        name),
            "InvalidBackupName"};
  }
  return {};
}

}  // namespace

Result<std::vector<BackupFile>> files_of_backup(const std::string& path,
                                                const std::stop_token& stop) {
  std::vector<BackupFile> files;
  std::error_code failure;
  if (!fs::is_directory(path, failure)) {
    files.push_back({"", 0, ""});
  } else {
    for (fs::directory_iterator at(path, failure), end; !failure && at != end;
         at.increment(failure)) {
      files.push_back({at->path().filename().string(), 0, ""});
    }
  }
  if (failure) {
    return tl::unexpected(failed("read", path, failure.value()));
  }
  std::sort(files.begin(), files.end(),
            [](const BackupFile& a, const BackupFile& b) { return a.path < b.path; });
  for (BackupFile& file : files) {
    const std::string full = file.path.empty() ? path : path + "/" + file.path;
    file.bytes = static_cast<std::int64_t>(fs::file_size(full, failure));
    ASSIGN_OR_RETURN(file.sha256, sha256_of_file(full, stop));
  }
  return files;
}

Result<NewBackup> NewBackup::begin(const std::string& catalog_directory, const std::string& name,
                                   BackupFormat format, Trace trace) {
  RETURN_IF_ERROR(check_new_name(name));
  std::error_code failure;
  const fs::path catalog = fs::canonical(catalog_directory, failure);
  if (failure || !fs::is_directory(catalog, failure)) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("--catalog: there is no directory {:?}; make it, or name another one",
                             catalog_directory),
                 "CatalogNotFound");
  }
  remove_leftovers(catalog);
  const std::string entry =
      name.ends_with(ending_of(format)) ? name : name + std::string(ending_of(format));
  if (fs::exists(catalog / entry, failure)) {
    return tl::unexpected(exists(entry, "is there already"));
  }
  const std::string partial = (catalog / ("." + entry + std::string(kPartial))).string();
  if (::mkdir(partial.c_str(), 0700) != 0) {
    return tl::unexpected(errno == EEXIST ? exists(entry, "is being made by another ripcord")
                                          : failed("make", partial, errno));
  }
  const int lock = lock_directory(partial);
  if (lock < 0) {
    return tl::unexpected(exists(entry, "is being made by another ripcord"));
  }
  return NewBackup(catalog.string(), entry, lock, std::move(trace));
}

NewBackup::NewBackup(std::string catalog, std::string entry, int lock, Trace trace)
    : catalog_(std::move(catalog)),
      entry_(std::move(entry)),
      partial_(catalog_ + "/." + entry_ + std::string(kPartial)),
      path_(partial_ + "/" + entry_),
      lock_(lock),
      trace_(std::move(trace)) {}

NewBackup::NewBackup(NewBackup&& other) noexcept
    : catalog_(std::move(other.catalog_)),
      entry_(std::move(other.entry_)),
      partial_(std::move(other.partial_)),
      path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      trace_(std::move(other.trace_)) {}

NewBackup::~NewBackup() {
  if (lock_ >= 0) {
    std::error_code ignored;
    fs::remove_all(partial_, ignored);
    ::close(lock_);
  }
}

Status NewBackup::write_manifest(const BackupManifest& manifest) const {
  const std::string path = path_ + std::string(kManifestEnding);
  const std::string text = codec::backup_manifest_text(manifest);
  std::FILE* file = std::fopen(path.c_str(), "wxe");
  if (file == nullptr) {
    return failed("write", path, errno);
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int error_number = errno;
  const bool closed = std::fclose(file) == 0;
  return written && closed ? sync(path) : failed("write", path, written ? errno : error_number);
}

// The manifest first: a backup that has its name has its manifest too.
Status NewBackup::publish() const {
  const std::string ending(kManifestEnding);
  const std::string final_path = catalog_ + "/" + entry_;
  trace_point(trace_, "before manifest");
  if (::rename((path_ + ending).c_str(), (final_path + ending).c_str()) != 0) {
    return failed("rename to", final_path + ending, errno);
  }
  RETURN_IF_ERROR(sync(catalog_));
  trace_point(trace_, "before rename");
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, final_path.c_str(), RENAME_NOREPLACE) != 0) {
    return errno == EEXIST ? exists(entry_, "is there already")
                           : failed("rename to", final_path, errno);
  }
  RETURN_IF_ERROR(sync(catalog_));
  trace_point(trace_, "after rename");
  return {};
}

Result<std::string> NewBackup::finish(BackupManifest& manifest, const Clock& clock,
                                      std::stop_token stop) {
  ASSIGN_OR_RETURN(manifest.files, files_of_backup(path_, stop));
  for (const BackupFile& file : manifest.files) {
    RETURN_IF_ERROR(sync(file.path.empty() ? path_ : path_ + "/" + file.path));
  }
  RETURN_IF_ERROR(sync(path_));
  manifest.name = fs::path(entry_).stem().string();
  manifest.ended_at = clock.wall_now();
  trace_point(trace_, "before write manifest");
  RETURN_IF_ERROR(write_manifest(manifest));
  RETURN_IF_ERROR(publish());
  return catalog_ + "/" + entry_;
}

}  // namespace ripcord
