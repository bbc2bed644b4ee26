// SPDX-License-Identifier: Apache-2.0
#pragma once
// RFC 7396 (merge patch) and RFC 6902 (JSON patch) on documents. Pure functions. A patch of the
// wrong form is InvalidArgument with reason BadRequest; one that does not fit the document, or
// whose test fails, has reason Invalid. On failure the target is to be thrown away.

#include "controller/base/status.h"
#include "controller/codec/node.h"

namespace ripcord::codec {

void merge_into(Node& target, const Node& patch);
Status apply_json_patch(Node& target, const Node& operations);

}  // namespace ripcord::codec
