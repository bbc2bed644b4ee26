// SPDX-License-Identifier: Apache-2.0
#pragma once
// The catalog of the CRDs that this program was built with.

#include "controller/codec/api_catalog.h"

namespace ripcord::apiserver {

Result<codec::ApiCatalog> embedded_catalog();

}  // namespace ripcord::apiserver
