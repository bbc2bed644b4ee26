// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an object names in its cluster that it is read from, or that it keeps as declared. A pure
// function.

#include "controller/model/resource.h"
#include "controller/ports/references.h"

#include <set>

namespace ripcord {

std::set<Reference> references_of(const Resource& object);

}  // namespace ripcord
