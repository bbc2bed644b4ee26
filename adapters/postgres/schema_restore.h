// SPDX-License-Identifier: Apache-2.0
#pragma once
// A restore whose last step swaps one schema instead of the database (swapBy: Schema). All until
// then is that of a restore by database: the same side database, the same checks.

#include "adapters/postgres/schema_site.h"

namespace ripcord::postgres {

// `by_database` is the same restore, by database.
OpenedRestore by_schema_instead(OpenedRestore by_database, const RestoreSite& site);

}  // namespace ripcord::postgres
