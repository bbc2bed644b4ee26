// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/names.h"

namespace ripcord::pgquery {
namespace {

void append_part(std::string& name, const std::string& part) {
  if (name.empty() && (part == "public" || part == "pg_catalog")) {
    return;
  }
  name += (name.empty() ? "" : ".") + part;
}

Node string_of(Node wrapped) {
  return wrapped["String"]["sval"];
}

}  // namespace

std::string relation_name(Node range_var) {
  std::string name;
  if (const Node schema = range_var["schemaname"]) {
    append_part(name, schema.text());
  }
  const std::string relation = range_var["relname"].text();
  return name.empty() ? relation : name + "." + relation;
}

std::string joined_name(Node strings) {
  std::string name;
  for (Node part = strings.first(); part; part = part.next()) {
    const std::string text = string_of(part).text();
    if (part.next()) {
      append_part(name, text);
    } else {
      name += (name.empty() ? "" : ".") + text;
    }
  }
  return name;
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
    return joined_name(routine["objname"]);
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
