// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/names.h"

namespace ripcord::pgquery {
namespace {

Node string_of(Node wrapped) {
  return wrapped["String"]["sval"];
}

}  // namespace

std::string relation_name(Node range_var) {
  const std::string relation = range_var["relname"].text();
  const Node schema = range_var["schemaname"];
  return schema ? schema.text() + "." + relation : relation;
}

std::string joined_name(Node strings) {
  std::string name;
  for (Node part = strings.first(); part; part = part.next()) {
    name += (name.empty() ? "" : ".") + string_of(part).text();
  }
  return name;
}

std::string routine_name(Node strings) {
  const std::string name = joined_name(strings);
  for (const std::string_view schema : {"public.", "pg_catalog."}) {
    if (name.rfind(schema, 0) == 0) {
      return name.substr(schema.size());
    }
  }
  return name;
}

std::string other_spelling(std::string_view key) {
  constexpr std::string_view kPublic = "public.";
  const std::size_t name = key.find(':') + 1;
  std::string other(key);
  if (key.substr(name, kPublic.size()) == kPublic) {
    return other.erase(name, kPublic.size());
  }
  return other.insert(name, kPublic);
}

std::string last_name(Node strings) {
  std::string name;
  for (Node part = strings.first(); part; part = part.next()) {
    name = string_of(part).text();
  }
  return name;
}

std::string object_name(Node object) {
  if (const Node list = object["List"]) {
    return joined_name(list["items"]);
  }
  if (const Node routine = object["ObjectWithArgs"]) {
    return routine_name(routine["objname"]);
  }
  if (const Node type = object["TypeName"]) {
    return joined_name(type["names"]);
  }
  return string_of(object).text();
}

std::string type_name(Node type) {
  return last_name(type["names"]);
}

}  // namespace ripcord::pgquery
