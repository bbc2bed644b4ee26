// SPDX-License-Identifier: Apache-2.0
#pragma once
// The plain names of backups. Pure.

#include "controller/base/status.h"

#include <string>

namespace ripcord {

// InvalidArgument (InvalidBackupName) when the name could leave the catalog or is none; `field` is
// what the message says it was written in.
Status check_backup_name(const std::string& field, const std::string& name);

}  // namespace ripcord
