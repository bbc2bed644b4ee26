// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an adapter gives to be put through the SchemaDatabase contract: an empty database, and the
// means to open it as often as is asked.

#include "controller/ports/schema_database.h"

#include <functional>
#include <memory>
#include <ostream>
#include <string>

namespace ripcord {

class SchemaWorld {
 public:
  virtual ~SchemaWorld() = default;
  virtual SchemaDatabases& databases() = 0;
  virtual DatabaseRef ref() const = 0;
  virtual const SqlInspector& inspector() const = 0;
  virtual bool runs_sql() const { return true; }  // false: scripts are only pretended to run
};

struct SchemaAdapter {
  std::string name;
  std::function<std::unique_ptr<SchemaWorld>()> make;  // null when it cannot run here
};
inline void PrintTo(const SchemaAdapter& adapter, std::ostream* out) {
  *out << adapter.name;
}

SchemaAdapter postgres_schemas();
SchemaAdapter sqlite_schemas();
SchemaAdapter simulated_schemas();

}  // namespace ripcord
