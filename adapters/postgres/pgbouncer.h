// SPDX-License-Identifier: Apache-2.0
#pragma once
// The administration console of a PgBouncer, so that clients wait for a swap instead of failing:
// PAUSE holds what they begin, RESUME lets it go on. Both may be said twice. A server of its own:
// nothing here waits for ever, since the console answers PAUSE only when running transactions have
// ended, and knows no cancelling. Functions; one thread.

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/model/restore_request.h"

#include <stop_token>
#include <string>

namespace ripcord::postgres {

// The URL that `ref` names. InvalidArgument (NoPgBouncerUrl); its content is in no message.
Result<std::string> resolve_pooler_url(const PgBouncerRef& ref);

// Holds the clients of every pool that leads to `database`. Waits at most `patience` for running
// transactions, then leaves them running: true when none is left. Unavailable
// (PgBouncerUnreachable); FailedPrecondition (PgBouncerDatabaseMissing). What failed may hold some:
// resume_pools() ends that.
Result<bool> pause_pools(const std::string& url, const std::string& database, Duration patience,
                         const std::stop_token& stop);
// Unavailable (PgBouncerUnreachable): clients may still be held.
Status resume_pools(const std::string& url, const std::string& database);

}  // namespace ripcord::postgres
