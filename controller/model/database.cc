// SPDX-License-Identifier: Apache-2.0
#include "controller/model/database.h"

namespace ripcord {

std::string_view to_string(Engine engine) {
  switch (engine) {
    case Engine::kPostgreSql:
      return "PostgreSQL";
    case Engine::kSqlite:
      return "SQLite";
    case Engine::kSimulation:
      return "Simulation";
  }
  return "Unknown";
}

std::string describe(const DatabaseRef& ref) {
  std::string text(to_string(ref.engine));
  if (!ref.path.empty()) {
    return text + " " + ref.path;
  }
  if (!ref.url_env.empty()) {
    return text + " at $" + ref.url_env;
  }
  if (!ref.url_file.empty()) {
    return text + " at the URL in " + ref.url_file;
  }
  if (ref.url_secret) {
    return text + " at the URL in Secret " + ref.url_secret->name;
  }
  return text + " at spec.database.url";
}

DatabaseRef located(DatabaseRef ref, const std::string& ns) {
  if (ref.url_secret) {
    ref.url_secret->ns = ns;
  }
  return ref;
}

}  // namespace ripcord
