// SPDX-License-Identifier: Apache-2.0
#pragma once
// Database drivers chosen by the engine that a manifest names. What is passed in must outlive
// these; thread-safe when the drivers are.

#include "controller/ports/schema_database.h"
#include "controller/ports/shadow_database.h"

namespace ripcord::app {

class SchemasByEngine final : public SchemaDatabases {
 public:
  SchemasByEngine(SchemaDatabases& postgres, SchemaDatabases& sqlite)
      : postgres_(postgres), sqlite_(sqlite) {}
  Result<std::unique_ptr<SchemaDatabase>> open(const DatabaseRef& ref) override;

 private:
  SchemaDatabases& postgres_;
  SchemaDatabases& sqlite_;
};

class ShadowsByEngine final : public ShadowDatabases {
 public:
  ShadowsByEngine(ShadowDatabases& postgres, ShadowDatabases& sqlite)
      : postgres_(postgres), sqlite_(sqlite) {}
  Result<std::unique_ptr<ShadowSchema>> make(const DatabaseRef& target,
                                             const std::optional<DatabaseRef>& elsewhere,
                                             Duration lock_timeout, std::stop_token stop) override;

 private:
  ShadowDatabases& postgres_;
  ShadowDatabases& sqlite_;
};

class InspectorByEngine final : public SqlInspector {
 public:
  InspectorByEngine(const SqlInspector& postgres, const SqlInspector& sqlite)
      : postgres_(postgres), sqlite_(sqlite) {}
  Result<std::vector<SqlStatement>> inspect(Engine engine,
                                            const std::string& script) const override;
  Result<SqlReport> review(Engine engine, const SqlScript& script) const override;
  bool mentions(Engine engine, const std::string& statement, const DataLoss& loss) const override {
    return engine != Engine::kPostgreSql || postgres_.mentions(engine, statement, loss);
  }

 private:
  const SqlInspector& postgres_;
  const SqlInspector& sqlite_;
};

}  // namespace ripcord::app
