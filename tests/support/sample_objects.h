// SPDX-License-Identifier: Apache-2.0
#pragma once
// Valid objects of every kind to start a test from. Values.

#include "controller/model/resource.h"

#include <string>

namespace ripcord {

// A boolean flag that is on.
Resource sample_flag(const std::string& name, const std::string& ns = "default");
// The smallest valid object of `kind`.
Resource sample_object(Kind kind, const std::string& name, const std::string& ns = "default");
// The same with every field of metadata, spec and status set to something that is not its default.
Resource full_object(Kind kind, const std::string& name, const std::string& ns = "default");
// A change of the spec that keeps it valid: suspend on or off.
Resource with_suspend(Resource object, bool suspend);

}  // namespace ripcord
