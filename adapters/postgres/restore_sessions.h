// SPDX-License-Identifier: Apache-2.0
#pragma once
// Getting everybody out of a database before it is renamed. Functions over a connection to the
// maintenance database.

#include "adapters/postgres/restore_site.h"

namespace ripcord::postgres {

inline constexpr int kRenameTries = 3;  // a session may come up between the check and the rename

// FailedPrecondition: prepared transactions or logical replication slots hold the database.
Status check_pins(Connection& connection, const std::string& database);
Status allow_connections(Connection& connection, const RestoreSite& site,
                         const std::string& database, bool allowed);
// With a PgBouncer: holds its clients, and waits a little for what they are doing; what is left
// then ends with its session. Errors of pause_pools().
Status hold_pooled_clients(const RestoreSite& site, const std::stop_token& stop);
Status let_pooled_clients_go_on(const RestoreSite& site);
// Signals all at once: one after the other would cost about 100 ms a session. Unavailable
// (SessionsRemain) when some are left after 10 s.
Status end_sessions(Connection& connection, const RestoreSite& site, const std::string& database,
                    const std::stop_token& stop);

}  // namespace ripcord::postgres
