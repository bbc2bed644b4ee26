// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the mirror of a cluster keeps its objects. What came by wire is wholly in what codec::pack
// keeps. Thread-safe.

#include "controller/ports/stored_object.h"

namespace ripcord::kubernetes {

StoredObject packed(const ResourcePtr& object);

}  // namespace ripcord::kubernetes
