// SPDX-License-Identifier: Apache-2.0
#pragma once
// The side database as a database: made with what can only be said at creation (encoding, locale,
// owner, tablespace), and given before the swap what belongs to a database but not to its dump
// (settings, connection limit, grants). Functions over a maintenance connection.

#include "adapters/postgres/restore_site.h"

namespace ripcord::postgres {

// From template0, like the live database where there is one.
Status create_side(Connection& connection, const RestoreSite& site, const std::stop_token& stop);
Status drop_database(Connection& connection, const std::string& name, const std::stop_token& stop);
// Copies connection limit, ALTER DATABASE SET, ALTER ROLE IN DATABASE SET and GRANTs from live to
// side. May be repeated.
Status carry_over_settings(Connection& connection, const RestoreSite& site);

// Of CREATE DATABASE, for a row of pg_database; empty for the provider libc.
std::string locale_clause(const std::string& provider, const std::string& locale,
                          const std::string& rules);

// The elements of a setting that is a list of names (search_path), as they were quoted.
std::vector<std::string> split_name_list(const std::string& text);

}  // namespace ripcord::postgres
