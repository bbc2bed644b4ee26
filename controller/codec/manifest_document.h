// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a manifest wants, without what it may not set: the document that a three-way merge compares.
// A pure function.

#include "controller/codec/node.h"

#include <string>

namespace ripcord::codec {

// Canonical JSON (sorted keys, no defaults) of apiVersion, kind, the writable metadata and spec.
std::string document_of(const Node& root);

}  // namespace ripcord::codec
