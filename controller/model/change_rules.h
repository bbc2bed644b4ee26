// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a change of an object may not do, whatever it may say by itself: the transition rules of the
// CRDs. Pure functions.

#include "controller/model/validation.h"

#include <vector>

namespace ripcord {

// Every problem of putting `wanted` in the place of `stored`, an object of the same kind.
std::vector<FieldError> validate_change(const Resource& stored, const Resource& wanted);

}  // namespace ripcord
