// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which functions are known to take nothing away, and which give another value for every row.

#include <string_view>

namespace ripcord::pgquery {

bool harmless_function(std::string_view name);
// As a column's default: the whole table has to be rewritten. Not known ones count as such.
bool volatile_function(std::string_view name);

}  // namespace ripcord::pgquery
