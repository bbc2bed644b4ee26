// SPDX-License-Identifier: Apache-2.0
#pragma once
// A backup on its way into a catalog. It is made in a hidden directory of the catalog, put on the
// disk there, and gets its name, its manifest before it, in one step: whoever looks sees a whole
// backup with its manifest, or none. What a killed run left is removed by the next one. One thread.

#include "controller/base/trace.h"
#include "controller/model/backup_manifest.h"
#include "controller/ports/restore_database.h"

#include <stop_token>
#include <string>

namespace ripcord {

class NewBackup {
 public:
  // InvalidArgument: the name is no plain name, or there is no such catalog. AlreadyExists: the
  // catalog has a backup of that name, or one is being made.
  static Result<NewBackup> begin(const std::string& catalog_directory, const std::string& name,
                                 BackupFormat format, Trace trace = {});
  NewBackup(NewBackup&& other) noexcept;
  NewBackup& operator=(NewBackup&&) = delete;
  ~NewBackup();  // an unfinished one is removed

  const std::string& path() const { return path_; }  // where it is to be made
  // Completes `manifest` with name, end and files. Where the backup is from then on.
  Result<std::string> finish(BackupManifest& manifest, const Clock& clock, std::stop_token stop);

 private:
  NewBackup(std::string catalog, std::string entry, int lock, Trace trace);
  Status write_manifest(const BackupManifest& manifest) const;
  Status publish() const;

  std::string catalog_;
  std::string entry_;    // "monday.dump"
  std::string partial_;  // "<catalog>/.monday.dump.partial"
  std::string path_;     // "<catalog>/.monday.dump.partial/monday.dump"
  int lock_;             // of partial_, held while this lives
  Trace trace_;
};

// The files of a backup at `path`, sorted, with size and digest.
Result<std::vector<BackupFile>> files_of_backup(const std::string& path,
                                                const std::stop_token& stop);

}  // namespace ripcord
