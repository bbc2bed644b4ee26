// SPDX-License-Identifier: Apache-2.0
#include "adapters/backupdir/backup_directory.h"

#include "adapters/backupdir/backup_name.h"
#include "adapters/backupdir/new_backup.h"
#include "controller/codec/backup_manifest.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kListed = 10;
constexpr std::size_t kProbeBytes = 4096;
constexpr std::size_t kManifestBytes = 128 << 20;
constexpr std::array<std::string_view, 11> kExtensions = {".dump", ".pgdump", ".custom", ".backup",
                                                          ".bak",  ".dir",    ".sql",    ".pgsql",
                                                          ".db",   ".sqlite", ".sqlite3"};

bool known_extension(const fs::path& path) {
  const std::string extension = path.extension().string();
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<std::string> entries_of(const fs::path& directory, std::error_code& failure) {
  std::vector<std::string> names;
  for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure)) {
    std::string name = at->path().filename().string();
    if (name.front() != '.' && !name.ends_with(kManifestEnding)) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status not_there(const std::string& name, const std::vector<std::string>& entries) {
  if (entries.empty()) {
    return {StatusCode::kNotFound, fmt::format("no backup {:?}: the catalog is empty", name),
            "BackupNotFound"};
  }
  const std::size_t shown = std::min(entries.size(), kListed);
  std::string text = fmt::format(
      "no backup {:?} in the catalog; it has {}", name,
      fmt::join(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (entries.size() > shown) {
    text += fmt::format(" and {} more", entries.size() - shown);
  }
  return {StatusCode::kNotFound, std::move(text), "BackupNotFound"};
}

Result<std::string> choose_entry(const std::string& name, const std::vector<std::string>& entries) {
  if (std::binary_search(entries.begin(), entries.end(), name)) {
    return name;
  }
  std::vector<std::string> matches;
  for (const auto& entry : entries) {
    const fs::path path(entry);
    if (path.stem() == name && known_extension(path)) {
      matches.push_back(entry);
    }
  }
  if (matches.empty()) {
    return tl::unexpected(not_there(name, entries));
  }
  if (matches.size() > 1) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.backup: {:?} may be {}; write one of them with its extension",
                             name, fmt::join(matches, " or ")),
                 "AmbiguousBackup");
  }
  return matches.front();
}

bool inside(const fs::path& path, const fs::path& root) {
  const auto [at, end] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return at == root.end();
}

Status leaves(const std::string& name) {
  return {StatusCode::kInvalidArgument,
          fmt::format(
              "spec.backup: {:?} is a link that leaves the catalog; copy the backup into it", name),
          "InvalidBackupName"};
}

std::string first_bytes(const fs::path& path) {
  std::string bytes(kProbeBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

Result<BackupFormat> format_of_file(const std::string& name, const fs::path& path) {
  using namespace std::string_view_literals;
  const std::string head = first_bytes(path);
  const auto refused = [&name](std::string_view why) {
    return error(StatusCode::kInvalidArgument, fmt::format("backup {:?} {}", name, why),
                 "UnknownBackupFormat");
  };
  if (head.empty()) {
    return refused("is empty or cannot be read");
  }
  if (head.starts_with("PGDMP")) {
    return BackupFormat::kPgCustom;
  }
  if (head.starts_with("SQLite format 3\0"sv)) {
    return BackupFormat::kSqliteFile;
  }
  if (head.starts_with("\x1f\x8b") || head.starts_with("\x28\xb5\x2f\xfd"sv)) {
    return refused("is compressed as a whole; unpack it, or dump with pg_dump -Fc");
  }
  if (head.size() > 262 && head.compare(257, 5, "ustar") == 0) {
    return refused("is a tar archive; dump with pg_dump -Fc or -Fd");
  }
  if (head.find('\0') != std::string::npos) {
    return refused("is neither a pg_dump file, nor SQL text, nor an SQLite database");
  }
  return BackupFormat::kPgPlain;
}

std::optional<WallTime> written_at(const fs::path& path) {
  std::error_code failure;
  const auto time = fs::last_write_time(path, failure);
  if (failure) {
    return std::nullopt;
  }
  return std::chrono::time_point_cast<std::chrono::microseconds>(
      fs::file_time_type::clock::to_sys(time));
}

// The size and time of the whole; an entry that links out of the catalog is refused.
Status measure_directory(const std::string& name, const fs::path& path, const fs::path& root,
                         Backup& backup) {
  std::error_code failure;
  for (fs::directory_iterator at(path, failure), end; !failure && at != end;
       at.increment(failure)) {
    const fs::path real = fs::canonical(at->path(), failure);
    if (failure || !inside(real, root)) {
      return leaves(name + "/" + at->path().filename().string());
    }
    if (fs::is_regular_file(real, failure)) {
      backup.bytes += static_cast<std::int64_t>(fs::file_size(real, failure));
      backup.taken_at = std::max(backup.taken_at, written_at(real));
    }
  }
  if (failure) {
    return {StatusCode::kUnavailable,
            fmt::format("cannot read backup {:?}: {}", name, failure.message())};
  }
  return {};
}

Result<Backup> describe_entry(const std::string& entry, const fs::path& root) {
  std::error_code failure;
  const fs::path real = fs::canonical(root / entry, failure);
  if (failure) {
    return error(StatusCode::kNotFound,
                 fmt::format("backup {:?} cannot be read: {}", entry, failure.message()),
                 "BackupNotFound");
  }
  if (!inside(real, root) || real == root) {
    return tl::unexpected(leaves(entry));
  }
  Backup backup;
  backup.name = entry;
  backup.path = real.string();
  if (fs::is_directory(real, failure)) {
    if (!first_bytes(real / "toc.dat").starts_with("PGDMP")) {
      return error(
          StatusCode::kInvalidArgument,
          fmt::format("backup {:?} is a directory without the toc.dat of pg_dump -Fd", entry),
          "UnknownBackupFormat");
    }
    backup.format = BackupFormat::kPgDirectory;
    RETURN_IF_ERROR(measure_directory(entry, real, root, backup));
    return backup;
  }
  if (!fs::is_regular_file(real, failure)) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("backup {:?} is neither a file nor a directory", entry),
                 "UnknownBackupFormat");
  }
  ASSIGN_OR_RETURN(backup.format, format_of_file(entry, real));
  backup.bytes = static_cast<std::int64_t>(fs::file_size(real, failure));
  backup.taken_at = written_at(real);
  return backup;
}

// Beside the backup, where it is; null when there is none.
Result<std::shared_ptr<const BackupManifest>> manifest_of(const fs::path& entry) {
  const std::string path = entry.string() + std::string(kManifestEnding);
  std::error_code failure;
  if (!fs::exists(path, failure)) {
    return nullptr;
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kManifestBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (text.size() > kManifestBytes) {
    return error(StatusCode::kFailedPrecondition, "the manifest of the backup is too large",
                 "BadManifest");
  }
  ASSIGN_OR_RETURN(BackupManifest manifest, codec::parse_backup_manifest(text));
  return std::make_shared<const BackupManifest>(std::move(manifest));
}

// By when it was finished; its own name, since an approval and a mark name one backup.
Result<std::string> newest_of(const std::vector<std::string>& entries, const fs::path& root) {
  std::string newest;
  std::optional<WallTime> newest_at;
  for (const std::string& entry : entries) {
    const Result<Backup> backup = describe_entry(entry, root);
    if (!backup) {
      continue;  // something else lies in the catalog
    }
    const auto manifest = manifest_of(root / entry);
    const std::optional<WallTime> at =
        manifest && *manifest ? (*manifest)->ended_at : backup->taken_at;
    if (at > newest_at) {
      newest = entry;
      newest_at = at;
    }
  }
  if (newest.empty()) {
    return tl::unexpected(not_there(std::string(kLatestBackup), entries));
  }
  return newest;
}

Result<Backup> find_in(const std::string& directory, const std::string& name) {
  RETURN_IF_ERROR(check_backup_name("spec.backup", name));
  std::error_code failure;
  const fs::path root = fs::canonical(directory, failure);
  if (failure || !fs::is_directory(root, failure)) {
    return error(StatusCode::kNotFound,
                 fmt::format("spec.catalog.directory: there is no directory {:?}", directory),
                 "CatalogNotFound");
  }
  const std::vector<std::string> entries = entries_of(root, failure);
  if (failure) {
    return error(StatusCode::kUnavailable,
                 fmt::format("cannot read the catalog {:?}: {}", directory, failure.message()));
  }
  const bool latest = name == kLatestBackup;
  ASSIGN_OR_RETURN(const std::string entry,
                   latest ? newest_of(entries, root) : choose_entry(name, entries));
  ASSIGN_OR_RETURN(Backup backup, describe_entry(entry, root));
  // As asked for: what an approval and the loaded database's mark say.
  backup.name = latest ? entry : name;
  auto manifest = manifest_of(root / entry);
  if (!manifest) {
    return tl::unexpected(manifest.error().annotated("backup " + backup.name));
  }
  backup.manifest = std::move(*manifest);
  if (backup.manifest) {
    backup.taken_at = backup.manifest->ended_at;
  }
  return backup;
}

Status damaged(const Backup& backup, const std::string& what) {
  return {StatusCode::kFailedPrecondition,
          fmt::format("backup {} is damaged: {}; restore another one", backup.name, what),
          "CorruptBackup"};
}

std::string shown_file(const BackupFile& file) {
  return file.path.empty() ? "its file" : "its file " + file.path;
}

// Names and sizes, before anything is read: that finds a cut at once.
Status check_sizes(const Backup& backup) {
  std::error_code failure;
  std::size_t there = 0;
  if (fs::is_directory(backup.path, failure)) {
    there = static_cast<std::size_t>(
        std::distance(fs::directory_iterator(backup.path, failure), fs::directory_iterator()));
  } else {
    there = 1;
  }
  for (const BackupFile& file : backup.manifest->files) {
    const std::string path = file.path.empty() ? backup.path : backup.path + "/" + file.path;
    const auto bytes = fs::file_size(path, failure);
    if (failure) {
      return damaged(backup, shown_file(file) + " is missing");
    }
    if (static_cast<std::int64_t>(bytes) != file.bytes) {
      return damaged(backup, fmt::format("{} has {} bytes, and had {} when it was made",
                                         shown_file(file), bytes, file.bytes));
    }
  }
  return there == backup.manifest->files.size()
             ? ok_status()
             : damaged(backup, fmt::format("it has {} files instead of {}", there,
                                           backup.manifest->files.size()));
}

Status check_files(const Backup& backup, const std::stop_token& stop) {
  RETURN_IF_ERROR(check_sizes(backup));
  ASSIGN_OR_RETURN(const std::vector<BackupFile> files, files_of_backup(backup.path, stop));
  for (std::size_t i = 0; i < files.size(); ++i) {
    const BackupFile& wanted = backup.manifest->files.at(i);
    if (files[i].path != wanted.path || files[i].sha256 != wanted.sha256) {
      return damaged(backup, shown_file(files[i]) + " is not as it was made (its sha256 differs)");
    }
  }
  return {};
}

}  // namespace

Result<Backup> BackupDirectory::find(const std::string& catalog_directory,
                                     const std::string& name) {
  try {
    return find_in(catalog_directory, name);
  } catch (const std::exception& problem) {
    return error(StatusCode::kInternal, fmt::format("reading the catalog: {}", problem.what()));
  }
}

Status BackupDirectory::check(const Backup& backup, std::stop_token stop) {
  if (!backup.manifest) {
    return {};
  }
  try {
    return check_files(backup, stop);
  } catch (const std::exception& problem) {
    return {StatusCode::kInternal, fmt::format("reading the backup: {}", problem.what())};
  }
}

}  // namespace ripcord
