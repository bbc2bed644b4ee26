// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/foreign_keys.h"

#include <algorithm>

namespace ripcord::postgres {
namespace {

// A column a row. confdelsetcols is there since version 15.
constexpr std::string_view kForeignKeys =
    "SELECT k.oid::text, k.conparentid::text, k.conname, k.confdeltype, k.confupdtype, "
    "format('%I.%I', cn.nspname, c.relname), format('%I.%I', pn.nspname, p.relname), ca.attname, "
    "pa.attname, CASE jsonb_typeof(to_jsonb(k) -> 'confdelsetcols') WHEN 'array' THEN to_jsonb(k) "
    "-> 'confdelsetcols' @> to_jsonb(ca.attnum) ELSE true END FROM pg_constraint k JOIN pg_class c "
    "ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace JOIN pg_class p ON "
    "p.oid "
    "= k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace CROSS JOIN LATERAL "
    "unnest(k.conkey, k.confkey) WITH ORDINALITY u (child, parent, nth) JOIN pg_attribute ca ON "
    "ca.attrelid = c.oid AND ca.attnum = u.child JOIN pg_attribute pa ON pa.attrelid = p.oid AND "
    "pa.attnum = u.parent WHERE k.contype = 'f' ORDER BY k.conname, k.oid, u.nth";

constexpr std::string_view kHeirs =
    "SELECT format('%I.%I', pn.nspname, p.relname), format('%I.%I', cn.nspname, c.relname) FROM "
    "pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = "
    "p.relnamespace JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace cn ON cn.oid = "
    "c.relnamespace WHERE c.relkind IN ('r', 'p', 'f')";

}  // namespace

Result<ForeignKeys> ForeignKeys::read(Connection& connection) {
  ForeignKeys keys;
  ASSIGN_OR_RETURN(const Rows columns, connection.query(std::string(kForeignKeys), {}));
  ForeignKey* last = nullptr;
  for (const auto& row : columns.rows) {
    if (last == nullptr || last->id != row[0]) {
      ForeignKey key;
      key.id = row[0].value_or("");
      key.derived_from = row[1].value_or("");
      key.name = row[2].value_or("");
      key.on_delete = row[3].value_or("a").front();
      key.on_update = row[4].value_or("a").front();
      key.child = row[5].value_or("");
      key.parent = row[6].value_or("");
      last = &keys.by_parent_.emplace(key.parent, key)->second;
    }
    last->columns.push_back({row[7].value_or(""), row[8].value_or(""), row[9] == "t"});
  }
  ASSIGN_OR_RETURN(const Rows heirs, connection.query(std::string(kHeirs), {}));
  for (const auto& row : heirs.rows) {
    keys.heirs_.emplace(row[0].value_or(""), row[1].value_or(""));
  }
  return keys;
}

std::set<std::string> ForeignKeys::with_heirs(const std::string& table) const {
  std::set<std::string> all = {table};
  std::vector<std::string> left = {table};
  while (!left.empty()) {
    const auto [begin, end] = heirs_.equal_range(left.back());
    left.pop_back();
    for (auto heir = begin; heir != end; ++heir) {
      if (all.insert(heir->second).second) {
        left.push_back(heir->second);
      }
    }
  }
  return all;
}

std::vector<const ForeignKey*> ForeignKeys::referring_to(const std::string& table) const {
  std::vector<const ForeignKey*> found;
  std::set<std::string> ids;
  for (const std::string& parent : with_heirs(table)) {
    const auto [begin, end] = by_parent_.equal_range(parent);
    for (auto key = begin; key != end; ++key) {
      found.push_back(&key->second);
      ids.insert(key->second.id);
    }
  }
  std::erase_if(found, [&](const ForeignKey* key) { return ids.contains(key->derived_from); });
  return found;
}

bool ForeignKeys::refers(const std::string& child, const std::string& parent) const {
  const auto found = referring_to(parent);
  const std::set<std::string> children = with_heirs(child);
  return std::any_of(found.begin(), found.end(),
                     [&](const ForeignKey* key) { return children.contains(key->child); });
}

}  // namespace ripcord::postgres
