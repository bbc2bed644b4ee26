// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_checks.h"

#include "adapters/postgres/restore_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::postgres {
namespace {

constexpr std::size_t kMostNameBytes = 46;  // 63, less the longest ending

Status impossible(const std::string& why) {
  return {StatusCode::kFailedPrecondition, why + ", or use swapBy: Database",
          "SchemaSwapImpossible"};
}

Result<std::vector<std::string>> names(Connection& connection, const std::string& sql,
                                       const std::vector<Value>& parameters = {}) {
  ASSIGN_OR_RETURN(const Rows found, connection.query(sql, parameters));
  std::vector<std::string> all;
  for (const auto& row : found.rows) {
    all.push_back(row.at(0).value_or(""));
  }
  return all;
}

// Refuses when `sql` names something.
struct Obstacle {
  std::string sql;
  std::string what;  // with {} for the names
};

Status check_all(Connection& connection, const std::vector<Obstacle>& obstacles,
                 const std::vector<Value>& parameters = {}) {
  for (const Obstacle& obstacle : obstacles) {
    ASSIGN_OR_RETURN(const std::vector<std::string> found,
                     names(connection, obstacle.sql + " limit 3", parameters));
    if (!found.empty()) {
      return impossible(fmt::format(fmt::runtime(obstacle.what), fmt::join(found, ", ")));
    }
  }
  return {};
}

// Schemas with something of their own in them: what an extension made is not.
constexpr std::string_view kSchemasInUse =
    "select n.nspname from pg_namespace n where n.nspname !~ '^pg_' and n.nspname not in "
    "('information_schema', 'ripcord') and (exists (select from pg_depend d where d.refclassid = "
    "'pg_namespace'::regclass and d.refobjid = n.oid and d.deptype = 'n' and d.classid <> "
    "'pg_extension'::regclass and not exists (select from pg_depend e where e.classid = d.classid "
    "and e.objid = d.objid and e.deptype = 'e')) or n.nspname <> 'public' and not exists (select "
    "from pg_extension x where x.extnamespace = n.oid) and not exists (select from pg_depend e "
    "where e.classid = 'pg_namespace'::regclass and e.objid = n.oid and e.deptype = 'e')) order by "
    "1";

// Belongs to the database, not to a schema: a copy of the schema is without it.
const std::vector<Obstacle>& outside_of_schemas() {
  static const std::vector<Obstacle> kAll = {
      {"select oid::text from pg_largeobject_metadata",
       "the backup has large objects ({}), which belong to no schema: move them into a bytea "
       "column"},
      {"select pubname from pg_publication", "the backup has publications ({}): leave them out"},
      {"select evtname from pg_event_trigger where oid not in (select objid from pg_depend where "
       "deptype = 'e' and classid = 'pg_event_trigger'::regclass)",
       "the backup has event triggers ({}), which belong to no schema: leave them out"},
      {"select srvname from pg_foreign_server",
       "the backup has foreign servers ({}), which belong to no schema: leave them out"},
      {"select lanname from pg_language where oid >= 16384 and oid not in (select objid from "
       "pg_depend where deptype = 'e' and classid = 'pg_language'::regclass)",
       "the backup has languages ({}), which belong to no schema: leave them out"},
      {"select castsource::regtype || ' as ' || casttarget::regtype from pg_cast where oid >= "
       "16384 "
       "and oid not in (select objid from pg_depend where deptype = 'e' and classid = "
       "'pg_cast'::regclass)",
       "the backup has casts ({}), which belong to no schema: leave them out"}};
  return kAll;
}

// What runs functions while the copy is filled: check constraints, indexes, generated columns,
// materialized views. A function that has the schema's name in its text would look into the live
// one; others cannot find anything there, since search_path is empty then.
constexpr std::string_view kEvaluatedByName =
    "with recursive start (classid, objid) as (select 'pg_constraint'::regclass::oid, k.oid from "
    "pg_constraint k join pg_namespace n on n.oid = k.connamespace where k.contype = 'c' and "
    "n.nspname = $1 union all select 'pg_class'::regclass::oid, c.oid from pg_index x join "
    "pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace where "
    "(x.indexprs is not null or x.indpred is not null) and n.nspname = $1 union all select "
    "'pg_attrdef'::regclass::oid, f.oid from pg_attrdef f join pg_attribute a on a.attrelid = "
    "f.adrelid and a.attnum = f.adnum join pg_class c on c.oid = f.adrelid join pg_namespace n on "
    "n.oid = c.relnamespace where a.attgenerated <> '' and n.nspname = $1 union all select "
    "'pg_rewrite'::regclass::oid, r.oid from pg_rewrite r join pg_class c on c.oid = r.ev_class "
    "join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'm' and n.nspname = $1), "
    "reach (first_class, first_object, classid, objid) as (select classid, objid, classid, objid "
    "from start union select r.first_class, r.first_object, e.classid, e.objid from reach r join "
    "lateral (select d.refclassid as classid, d.refobjid as objid from pg_depend d where d.classid "
    "= r.classid and d.objid = r.objid and d.refclassid in ('pg_proc'::regclass, "
    "'pg_operator'::regclass, 'pg_class'::regclass) union all select 'pg_rewrite'::regclass, w.oid "
    "from pg_rewrite w join pg_class v on v.oid = w.ev_class where r.classid = "
    "'pg_class'::regclass and v.oid = r.objid and v.relkind in ('v', 'm')) e on true) select "
    "distinct pg_describe_object(r.first_class, r.first_object, 0) from reach r join pg_proc q on "
    "r.classid = 'pg_proc'::regclass and q.oid = r.objid join pg_namespace n on n.oid = "
    "q.pronamespace where n.nspname = $1 and strpos(q.prosrc || ' ' || "
    "coalesce(array_to_string(q.proconfig, ' '), ''), $1) > 0";

// Contents of schema $1 (a table with its indexes, constraints, triggers ...) as (classid, objid).
constexpr std::string_view kInside =
    "with recursive top as (select d.classid, d.objid, n.nspname from pg_depend d join "
    "pg_namespace n on n.oid = d.refobjid where d.refclassid = 'pg_namespace'::regclass and "
    "d.deptype = 'n' and d.classid <> 'pg_extension'::regclass), inside (classid, objid) as "
    "(select "
    "classid, objid from top where nspname = $1 union select d.classid, d.objid from pg_depend d "
    "join inside i on d.refclassid = i.classid and d.refobjid = i.objid where d.deptype in ('a', "
    "'i', 'P', 'S') and d.classid::regclass::text not like '%pg_publication%' and not exists "
    "(select from top t where t.classid = d.classid and t.objid = d.objid and t.nspname <> $1)) ";

std::string bound_sql() {
  return std::string(kInside) +
         "select distinct pg_describe_object(d.classid, d.objid, d.objsubid) from pg_depend d join "
         "inside i on d.refclassid = i.classid and d.refobjid = i.objid where not exists (select "
         "from inside o where o.classid = d.classid and o.objid = d.objid)";
}

std::vector<Obstacle> around_live_schema() {
  return {
      {"select extname from pg_extension x join pg_namespace n on n.oid = x.extnamespace where "
       "n.nspname = $1 union select e.extname from pg_depend d join pg_extension e on d.refclassid "
       "= 'pg_extension'::regclass and e.oid = d.refobjid join pg_depend t on t.classid = "
       "d.classid "
       "and t.objid = d.objid and t.refclassid = 'pg_namespace'::regclass join pg_namespace n on "
       "n.oid = t.refobjid where d.deptype = 'e' and n.nspname = $1",
       "the live schema holds extensions ({}), which cannot be there twice: move them away with "
       "ALTER EXTENSION ... SET SCHEMA"},
      {"select pubname from pg_publication p where p.puballtables or exists (select from "
       "pg_publication_rel r join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = "
       "c.relnamespace where r.prpubid = p.oid and n.nspname = $1)",
       "publications ({}) would go on with the previous contents: drop them"},
      {"select c.relname from pg_subscription_rel r join pg_class c on c.oid = r.srrelid join "
       "pg_namespace n on n.oid = c.relnamespace where n.nspname = $1",
       "tables of the live schema ({}) are filled by a subscription: drop it"},
      {"select slot_name from pg_replication_slots where database = current_database() and $1 <> "
       "''",
       "logical replication slots ({}) would see the rows of the restored schema under another "
       "name: drop them"},
      {"select gid from pg_prepared_xacts where database = current_database() and $1 <> ''",
       "prepared transactions ({}) may hold the live schema: commit or roll them back"},
      {bound_sql(),
       "outside of the live schema, these are bound to what is in it, and would stay with the "
       "previous contents: {}. Drop them"},
      {"select k.conname || ' on ' || k.conrelid::regclass from pg_constraint k join pg_class c on "
       "c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace join pg_class f on f.oid "
       "= "
       "k.confrelid where k.contype = 'f' and n.nspname = $1 and f.relnamespace <> n.oid",
       "foreign keys of the live schema lead out of it ({}), and those of the previous contents "
       "would go on being enforced: drop them"},
      {"select current_user::text where not has_database_privilege(current_database(), 'CREATE') "
       "and $1 <> ''",
       "{} may not create schemas in this database: GRANT CREATE ON DATABASE"},
      {"select pg_get_userbyid(nspowner) from pg_namespace where nspname = $1 and not "
       "pg_has_role(nspowner, 'USAGE')",
       "the live schema belongs to {}: connect as its owner or a member of it"}};
}

// Those of the backup must be in the live database already: they are in no copy of a schema.
Status check_extensions(Connection& live, Connection& side) {
  const std::string sql =
      "select x.extname || ' in schema ' || n.nspname from pg_extension x join pg_namespace n on "
      "n.oid = x.extnamespace order by 1";
  ASSIGN_OR_RETURN(const std::vector<std::string> there, names(live, sql));
  ASSIGN_OR_RETURN(std::vector<std::string> wanted, names(side, sql));
  for (const std::string& extension : there) {
    std::erase(wanted, extension);
  }
  return wanted.empty() ? ok_status()
                        : impossible(fmt::format("the live database lacks extensions of the backup "
                                                 "({}): create them there",
                                                 fmt::join(wanted, ", ")));
}

Status check_count(const Backup& backup, const std::vector<std::string>& schemas) {
  return schemas.size() <= 1
             ? ok_status()
             : impossible(fmt::format("backup {} holds {} schemas ({}), and one can be swapped: "
                                      "back up one schema alone",
                                      backup.name, schemas.size(), fmt::join(schemas, ", ")));
}

}  // namespace

Result<std::vector<std::string>> bound_to(Connection& connection, const std::string& schema) {
  return names(connection, bound_sql() + " limit 3", {schema});
}

Result<std::string> only_schema(Connection& side, const RestoreSite& site) {
  ASSIGN_OR_RETURN(const std::vector<std::string> schemas, names(side, std::string(kSchemasInUse)));
  if (schemas.size() != 1) {
    return as_return(impossible(
        schemas.empty() ? "the backup holds no schema with something in it: take another one"
                        : fmt::format("the backup holds {} schemas ({}), and one can be swapped: "
                                      "back up one schema alone",
                                      schemas.size(), fmt::join(schemas, ", "))));
  }
  // While it is being copied it has the copy's name.
  const std::string ending = restore_names("", site.uid).side;
  const std::string& found = schemas.front();
  const std::string schema =
      found.ends_with(ending) ? found.substr(0, found.size() - ending.size()) : found;
  if (schema.size() > kMostNameBytes) {
    return as_return(impossible(fmt::format(
        "the name of schema {} is longer than {} bytes: shorten it", schema, kMostNameBytes)));
  }
  RETURN_IF_ERROR(check_all(side, outside_of_schemas()));
  RETURN_IF_ERROR(check_all(
      side,
      {{std::string(kEvaluatedByName),
        "{} would run functions that name their schema while it is copied, and see the live one: "
        "write these functions without the schema's name"},
       {"select extname from pg_extension x join pg_namespace n on n.oid = x.extnamespace where "
        "n.nspname = $1",
        "the backup has extensions in the schema ({}): move them away with ALTER EXTENSION ... SET "
        "SCHEMA and back it up again"}},
      {found}));
  return schema;
}

Status check_live_schema(Connection& live, Connection* side, const std::string& schema) {
  RETURN_IF_ERROR(check_all(live, around_live_schema(), {schema}));
  return side == nullptr ? ok_status() : check_extensions(live, *side);
}

Status preflight_schema(const RestoreSite& site, const Backup& backup,
                        const std::stop_token& stop) {
  ASSIGN_OR_RETURN(Connection maintenance, connect_maintenance(site, stop));
  ASSIGN_OR_RETURN(const SiteState databases, observe(maintenance, site));
  ASSIGN_OR_RETURN(std::optional<Connection> live, connect_live(site, databases, stop));
  if (!live) {
    return impossible(fmt::format("there is no database {} that could be connected to: create it",
                                  site.names.live));
  }
  ASSIGN_OR_RETURN(const DumpFacts facts, facts_of(site, backup, stop));
  RETURN_IF_ERROR(check_count(backup, facts.schemas));
  return facts.schemas.size() == 1 ? check_live_schema(*live, nullptr, facts.schemas.front())
                                   : ok_status();
}

}  // namespace ripcord::postgres
