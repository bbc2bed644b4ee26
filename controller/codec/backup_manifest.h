// SPDX-License-Identifier: Apache-2.0
#pragma once
// The manifest of a backup as text: one JSON object that ends with a digest of itself. Pure
// functions.

#include "controller/base/status.h"
#include "controller/model/backup_manifest.h"

#include <string>
#include <string_view>

namespace ripcord::codec {

std::string backup_manifest_text(const BackupManifest& manifest);

// FailedPrecondition (BadManifest) when it is cut short, was changed by hand, or is of a later
// version of this format; the message says which, and what to do.
Result<BackupManifest> parse_backup_manifest(std::string_view text);

}  // namespace ripcord::codec
