// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the checkout and its binaries are. Two functions instead of macros on every command line,
// so that a compiler cache filled in one checkout serves another.

#include <string>

namespace ripcord {

// The root of the checkout, absolute.
std::string source_dir();

// The folder of the built `ripcord` and `ripcord-adapter`, absolute.
std::string bin_dir();

}  // namespace ripcord
