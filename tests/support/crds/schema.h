// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schemas of crds/ as trees, and what tests ask of them without a server: does a value fit,
// what are the defaults, which fields are there. The subset of OpenAPI v3 that the files use; CEL
// rules are left to a real API server. Pure; throws std::runtime_error on a file that is no CRD.

#include "controller/codec/node.h"
#include "controller/model/kind.h"

#include <functional>
#include <string>
#include <vector>

namespace ripcord {

struct Crd {
  Kind kind = Kind::kFeatureFlag;
  std::string file;
  codec::Node root;

  const codec::Node& version() const;  // spec.versions[0]
  const codec::Node& schema() const;   // of the whole object
};

std::vector<Crd> load_crds();  // in the order of kAllKinds
const codec::Node& field_at(const codec::Node& node, std::string_view key);  // throws when absent

// Every schema node below `schema`, with its path: "spec.environments[].name".
using SchemaVisitor = std::function<void(const std::string& path, const codec::Node& schema)>;
void walk_schema(const codec::Node& schema, const std::string& path, const SchemaVisitor& visit);

// What does not fit: "spec.key: ...".
std::vector<std::string> schema_problems(const codec::Node& schema, const codec::Node& value,
                                         const std::string& path = "");
// As the API server fills them in.
codec::Node with_schema_defaults(const codec::Node& schema, codec::Node value);
// A value in which every field of the schema is there.
codec::Node full_sample(const codec::Node& schema);

}  // namespace ripcord
