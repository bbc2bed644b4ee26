// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/contents_sql.h"

#include <string_view>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

// Ours: no system's, no other session's, no extension's.
constexpr std::string_view kOurTables =
    "from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') "
    "and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and "
    "not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = "
    "c.oid and e.deptype = 'e')";

std::string not_of_extension(std::string_view catalog, std::string_view alias) {
  return fmt::format(
      "not exists (select from pg_depend e where e.classid = '{}'::regclass and e.objid = {}.oid "
      "and e.deptype in ('e', 'i'))",
      catalog, alias);
}

// A restored expression is the same in meaning, not always in text: `x in ('a')` on a varchar comes
// back with its casts and parentheses elsewhere.
std::string plain(std::string_view expression) {
  return fmt::format(
      R"sql(regexp_replace(regexp_replace(coalesce({}, ''), '::("[^"]+"|[a-z0-9_ .]+)(\([0-9, ]+\))?(\[\])*', '', 'g'), '[[:space:]()]', '', 'g'))sql",
      expression);
}

std::string grants(std::string_view kind, std::string_view acl, std::string_view owner) {
  return fmt::format(
      "(select string_agg(coalesce(r.rolname, 'public') || ' ' || a.privilege_type || "
      "a.is_grantable, ',' order by coalesce(r.rolname, 'public'), a.privilege_type) from "
      "aclexplode(coalesce({1}, acldefault('{0}', {2}))) a left join pg_roles r on r.oid = "
      "a.grantee)",
      kind, acl, owner);
}

std::string digest(std::string_view lines) {
  return fmt::format(
      "encode(sha256(convert_to(coalesce(string_agg({0}, E'\\n' order by {0} collate \"C\"), ''), "
      "'UTF8')), 'hex')",
      lines);
}

std::string column_lines() {
  return fmt::format(
      "select t.oid, concat_ws('|', 'column', a.attname, format_type(a.atttypid, a.atttypmod), "
      "a.attnotnull, a.attidentity, a.attgenerated, {}, (select collname from pg_collation l where "
      "l.oid = a.attcollation), col_description(t.oid, a.attnum), a.attacl::text is null) from t "
      "join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped left join "
      "pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum",
      plain("pg_get_expr(d.adbin, d.adrelid)"));
}

std::string own_line() {
  return fmt::format(
      "select t.oid, concat_ws('|', 'table', t.relkind, t.relpersistence, t.relrowsecurity, "
      "t.relforcerowsecurity, pg_get_userbyid(t.relowner), {}, array_to_string(t.reloptions, ','), "
      "{}, obj_description(t.oid, 'pg_class'), (select string_agg(i.inhparent::regclass::text, ',' "
      "order by i.inhparent::regclass::text) from pg_inherits i where i.inhrelid = t.oid)) from t",
      grants("r", "t.relacl", "t.relowner"), plain("pg_get_expr(t.relpartbound, t.oid)"));
}

std::string dependent_lines() {
  return fmt::format(
      "select t.oid, concat_ws('|', 'constraint', k.conname, k.contype, {}) from t join "
      "pg_constraint k on k.conrelid = t.oid "
      "union all select t.oid, concat_ws('|', 'index', {}, x.indisunique, x.indisprimary) from t "
      "join pg_index x on x.indrelid = t.oid "
      "union all select t.oid, concat_ws('|', 'trigger', g.tgenabled, {}) from t join pg_trigger g "
      "on g.tgrelid = t.oid and not g.tgisinternal "
      "union all select t.oid, concat_ws('|', 'policy', p.polname, p.polcmd, {}, {}) from t join "
      "pg_policy p on p.polrelid = t.oid "
      "union all select t.oid, concat_ws('|', 'rule', r.rulename, r.ev_type) from t join "
      "pg_rewrite r on r.ev_class = t.oid",
      plain("pg_get_constraintdef(k.oid)"), plain("pg_get_indexdef(x.indexrelid)"),
      plain("pg_get_triggerdef(g.oid)"), plain("pg_get_expr(p.polqual, p.polrelid)"),
      plain("pg_get_expr(p.polwithcheck, p.polrelid)"));
}

// Of views only the shape: their text is the server's own rendering, which a dump may change.
std::string view_lines() {
  return fmt::format(
      "select concat_ws('|', 'view', c.relkind, n.nspname, c.relname, pg_get_userbyid(c.relowner), "
      "{}, (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ',' order "
      "by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not "
      "a.attisdropped)) as line from pg_class c join o n on n.oid = c.relnamespace where "
      "c.relkind in ('v', 'm', 'f', 'c') and {}",
      grants("r", "c.relacl", "c.relowner"), not_of_extension("pg_class", "c"));
}

std::string function_lines() {
  return fmt::format(
      "select concat_ws('|', 'function', n.nspname, p.proname, "
      "pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid), p.prokind, "
      "p.provolatile, p.prosecdef, p.proisstrict, l.lanname, array_to_string(p.proconfig, ','), "
      "md5(p.prosrc), pg_get_userbyid(p.proowner), {}) from pg_proc p join o n on n.oid = "
      "p.pronamespace join pg_language l on l.oid = p.prolang where {}",
      grants("f", "p.proacl", "p.proowner"), not_of_extension("pg_proc", "p"));
}

std::string type_lines() {
  return fmt::format(
      "select concat_ws('|', 'type', n.nspname, y.typname, y.typtype, y.typnotnull, "
      "format_type(nullif(y.typbasetype, 0), y.typtypmod), (select string_agg(m.enumlabel, ',' "
      "order by m.enumsortorder) from pg_enum m where m.enumtypid = y.oid)) from pg_type y join o "
      "n on n.oid = y.typnamespace where y.typtype in ('d', 'e', 'r') and {}",
      not_of_extension("pg_type", "y"));
}

std::string sequence_lines() {
  return fmt::format(
      "select concat_ws('|', 'sequence', n.nspname, c.relname, format_type(s.seqtypid, null), "
      "s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle, {}) from pg_sequence s join "
      "pg_class c on c.oid = s.seqrelid join o n on n.oid = c.relnamespace where not exists "
      "(select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and "
      "e.deptype = 'e')",
      grants("s", "c.relacl", "c.relowner"));
}

}  // namespace

std::string tables_sql() {
  return fmt::format(
      "select c.oid, n.nspname, c.relname, coalesce((select string_agg('ripcord_row.' || "
      "quote_ident(a.attname), ', ' order by a.attname collate \"C\") from pg_attribute a where "
      "a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '') {} order by n.nspname || "
      "'.' || c.relname collate \"C\"",
      kOurTables);
}

std::string table_schemas_sql() {
  return fmt::format(
      "with t as materialized (select c.* {}), lines (oid, line) as ({} union all {} union all {}) "
      "select oid, {} from lines group by oid",
      kOurTables, own_line(), column_lines(), dependent_lines(), digest("line"));
}

std::string rest_schema_sql() {
  return fmt::format(
      "with o as (select * from pg_namespace where nspname !~ '^pg_' and nspname <> "
      "'information_schema'), lines (line) as ({} union all {} union all {} union all {} union all "
      "select 'schema|' || nspname from o where nspname <> 'public' union all select 'extension|' "
      "|| extname from pg_extension) select {} from lines",
      view_lines(), function_lines(), type_lines(), sequence_lines(), digest("line"));
}

}  // namespace ripcord::postgres
