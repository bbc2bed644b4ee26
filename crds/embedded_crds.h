// SPDX-License-Identifier: Apache-2.0
#pragma once
// The CustomResourceDefinitions of this folder as they were when this was built: one file a kind,
// YAML, in the order of their names. They are the one source of the schema; parse them with
// codec::read_yaml. Immutable, valid for the whole run, safe from any thread.

#include <span>
#include <string_view>

namespace ripcord::crds {

struct EmbeddedFile {
  std::string_view name;  // "ripcord.dev_featureflags.yaml"
  std::string_view text;
};

std::span<const EmbeddedFile> embedded_crds();

}  // namespace ripcord::crds
