// SPDX-License-Identifier: Apache-2.0
#pragma once
// BackupCatalog over a directory: each entry is a backup, named by its file name with or without
// its extension. What a backup is, is read from its content. Nothing outside the directory can be
// reached, by a name or by a link. Stateless; safe for concurrent use.

#include "controller/ports/restore_database.h"

namespace ripcord {

class BackupDirectory final : public BackupCatalog {
 public:
  // InvalidArgument: the name is no plain name, leaves the catalog, is ambiguous, or its content is
  // no backup we can restore. NotFound: nothing of that name (the message lists what is there), or
  // no catalog. FailedPrecondition (BadManifest). `Latest` is the newest backup, under its own
  // name.
  Result<Backup> find(const std::string& catalog_directory, const std::string& name) override;
  Status check(const Backup& backup, std::stop_token stop) override;
};

}  // namespace ripcord
