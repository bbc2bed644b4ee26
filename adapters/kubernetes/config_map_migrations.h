// SPDX-License-Identifier: Apache-2.0
#pragma once
// MigrationSource over a ConfigMap whose keys are the files of a directory in golang-migrate's
// layout. Reads it anew at every call, by one GET; the semantics are those of MigrationDirectory.
// Errors are those of ApiObjects (ConfigMapNotFound, MissingRight) and InvalidArgument naming the
// key. Thread-safe.

#include "adapters/kubernetes/api_objects.h"
#include "controller/ports/schema_database.h"

namespace ripcord::kubernetes {

class ConfigMapMigrations final : public MigrationSource {
 public:
  // The reach's client outlives it.
  explicit ConfigMapMigrations(ClusterReach reach) : objects_(std::move(reach)) {}
  // `ref` names a ConfigMap and is located().
  Result<std::vector<Migration>> load(const MigrationSourceRef& ref) override;

 private:
  ApiObjects objects_;
};

}  // namespace ripcord::kubernetes
