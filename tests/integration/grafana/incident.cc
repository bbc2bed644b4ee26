// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/grafana/incident.h"

#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

std::string document(const std::string& kind, const std::string& name, const std::string& spec) {
  return fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n{}", kind, name,
      spec);
}

void write_migrations(const std::string& directory) {
  std::filesystem::create_directory(directory);
  write_file(directory + "/1_users.up.sql", "create table users(id integer primary key, m text);");
  write_file(directory + "/1_users.down.sql", "drop table users;");
  write_file(directory + "/2_mail.up.sql", "alter table users rename column m to mail;");
  write_file(directory + "/2_mail.down.sql", "alter table users rename column mail to m;");
}

}  // namespace

Incident::Incident()
    : haproxy_(ripcord_.directory(),
               {{"b1", blue_.address(), ""}, {"g1", green_.address(), "disabled"}}) {
  write_migrations(ripcord_.directory() / "migrations");
  std::filesystem::create_directory(ripcord_.directory() / "backups");
  run({.argv = {"sqlite3", ripcord_.directory() / "backups/before.db",
                "create table users(id integer primary key, m text);"
                "insert into users(m) values ('a'), ('b');"}});
  ripcord_.save("flag.yaml", document("FeatureFlag", "checkout", "  enabled: true\n"));
  ripcord_.save("schema.yaml", document("MigrationVersion", "shop",
                                        "  database: {engine: SQLite, path: ../shop.db}\n"
                                        "  source: {directory: ../migrations}\n  version: 2\n"));
  ripcord_.save(
      "traffic.yaml",
      document("TrafficTarget", "shop",
               fmt::format("  environments:\n"
                           "  - {{name: blue, address: \"{}\", health: {{path: /healthz}}}}\n"
                           "  - {{name: green, address: \"{}\", health: {{path: /healthz}}}}\n"
                           "  active: green\n"
                           "  router: {{haproxy: {{socket: {}, backend: shop}}}}\n"
                           "  verification: {{url: \"{}\", window: 200ms, interval: 10ms}}\n",
                           blue_.address(), green_.address(), haproxy_.socket(), haproxy_.url())));
  // Stays in the table of what a person has to look at.
  ripcord_.save("wrong.yaml",
                document("FeatureFlag", "wrong", "  enabled: true\n  key: checkout\n"));
  release();
}

void Incident::patch(const std::string& object, const std::string& override) const {
  const HttpResponse patched =
      ripcord_.api("PATCH", object, "{\"spec\":{\"override\":" + override + "}}",
                   "application/merge-patch+json");
  if (patched.status != 200) {
    throw std::runtime_error(object + ": " + patched.body);
  }
  ripcord_.await_ready(object);
}

void Incident::take_back() {
  patch("featureflags/checkout", R"({"enabled":false,"reason":"INC-1","by":"alice"})");
  patch("traffictargets/shop", R"({"active":"blue","reason":"INC-1","by":"alice"})");
  patch("migrationversions/shop", R"({"version":1,"reason":"INC-1","by":"alice"})");
  restore();
  ripcord_.flag("checkout");
}

void Incident::release() {
  for (const char* object :
       {"featureflags/checkout", "traffictargets/shop", "migrationversions/shop"}) {
    ripcord_.await_ready(object);
    patch(object, "null");
  }
}

// Of a database of its own: a restored schema would not be the one that the migrations recorded.
void Incident::restore() {
  const std::string name = "restore-" + std::to_string(++restores_);
  const std::string database = ripcord_.directory() / "orders.db";
  run({.argv = {"sqlite3", database, "create table if not exists orders(id integer);"}});
  ripcord_.save(name + ".yaml",
                document("RestoreRequest", name,
                         fmt::format("  database: {{engine: SQLite, path: {}}}\n"
                                     "  backup: before\n  catalog: {{directory: ../backups}}\n"
                                     "  approval: {{backup: before, by: alice}}\n",
                                     database)));
  ripcord_.await_ready("restorerequests/" + name);
}

}  // namespace ripcord
