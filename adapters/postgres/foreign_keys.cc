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
  for (const auto& row : columns.rows) {
    if (keys.all_.empty() || keys.all_.back().id != row[0]) {
      ForeignKey& key = keys.all_.emplace_back();
      key.id = row[0].value_or("");
      key.derived_from = row[1].value_or("");
      key.name = row[2].value_or("");
      key.on_delete = row[3].value_or("a").front();
      key.on_update = row[4].value_or("a").front();
      key.child = row[5].value_or("");
      key.parent = row[6].value_or("");
    }
    keys.all_.back().columns.push_back({row[7].value_or(""), row[8].value_or(""), row[9] == "t"});
  }
  ASSIGN_OR_RETURN(const Rows heirs, connection.query(std::string(kHeirs), {}));
  for (const auto& row : heirs.rows) {
    keys.heirs_.emplace_back(row[0].value_or(""), row[1].value_or(""));
  }
  return keys;
}

std::set<std::string> ForeignKeys::with_heirs(const std::string& table) const {
  std::set<std::string> all = {table};
  for (std::size_t before = 0; before != all.size();) {
    before = all.size();
    for (const auto& [parent, child] : heirs_) {
      if (all.contains(parent)) {
        all.insert(child);
      }
    }
  }
  return all;
}

std::vector<const ForeignKey*> ForeignKeys::referring_to(const std::string& table) const {
  const std::set<std::string> parents = with_heirs(table);
  std::vector<const ForeignKey*> found;
  std::set<std::string> ids;
  for (const ForeignKey& key : all_) {
    if (parents.contains(key.parent)) {
      found.push_back(&key);
      ids.insert(key.id);
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
