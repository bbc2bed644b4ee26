// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names out of the parse tree, and the keys under which a script's objects are known. A name is
// kept as it is spelled: t may be public.t, or a temporary table that hides it.

#include "adapters/pgquery/tree.h"

#include <string>
#include <string_view>

namespace ripcord::pgquery {

std::string relation_name(Node range_var);
std::string joined_name(Node strings);  // a list of String
std::string last_name(Node strings);    // its last part
std::string object_name(Node object);   // an element of DropStmt.objects
std::string type_name(Node type);       // "varchar" of a TypeName

// Of a function: without "public." and "pg_catalog.".
std::string routine_name(Node strings);
// "relation:t" of "relation:public.t", and back.
std::string other_spelling(std::string_view key);

inline std::string key_of(std::string_view kind, std::string_view name) {
  return std::string(kind) + ":" + std::string(name);
}
inline std::string relation_key(std::string_view name) {
  return key_of("relation", name);
}
inline std::string member_key(std::string_view kind, std::string_view relation,
                              std::string_view name) {
  return key_of(kind, std::string(relation) + "." + std::string(name));
}

}  // namespace ripcord::pgquery
