// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file in flagd's format (https://flagd.dev/schema/v0/flags.json). A pure function.

#include "controller/model/flag_file.h"

#include <string>

namespace ripcord::codec {

// The same text for equal files; a line for each flag.
std::string encode_flag_file(const FlagFile& file);

}  // namespace ripcord::codec
