// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a manifest names a database. A value; never holds a password.

#include "controller/model/cluster_refs.h"

#include <optional>
#include <string>
#include <string_view>

namespace ripcord {

enum class Engine { kPostgreSql, kSqlite, kSimulation };
std::string_view to_string(Engine engine);  // "PostgreSQL", "SQLite", "Simulation"

struct DatabaseRef {
  Engine engine = Engine::kPostgreSql;
  std::string url;       // PostgreSQL, without a password; one of url, url_*
  std::string url_env;   // name of an environment variable that holds the URL
  std::string url_file;  // path of a file that holds the URL
  std::string path;  // SQLite: path of the database file. Simulation: name of a declared database
  std::optional<SecretKeyRef> url_secret{};  // a Secret that holds the URL

  bool operator==(const DatabaseRef&) const = default;
};

// The reference for drivers: what it names in a cluster is in `ns`, the namespace of its object.
DatabaseRef located(DatabaseRef ref, const std::string& ns);

// What a log or a message may say: engine and where the URL comes from, never the URL's content.
std::string describe(const DatabaseRef& ref);

}  // namespace ripcord
