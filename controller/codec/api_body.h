// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to the codec: what every writing request does with its body before and after the part
// that is its own. Pure functions.

#include "controller/codec/api_write.h"
#include "controller/codec/catalog_parts.h"
#include "controller/codec/managed_fields.h"

namespace ripcord::codec {

// JSON or YAML; an object or BadRequest.
Result<Node> read_body(std::string_view body);
// The body is of the kind and namespace of the path, and of its name when that has one. What the
// body leaves out is filled in.
Status match_path(Node& object, const ObjectKey& key);
// Unknown fields are dropped and, as the request wants it, warned about or refused.
Status check_fields(Node& object, const KindEntry& entry, const WriteRequest& request,
                    WriteNotes& notes);

// The value of a document, with defaults; Invalid with one cause for each thing that is wrong.
// `stored`: a spec equal to its is not checked again.
Result<Resource> value_of(Node object, const KindEntry& entry, const Resource* stored,
                          WriteNotes& notes);

Status bad_request(std::string message);
Status invalid_object(const ObjectKey& key, WriteNotes& notes, std::vector<StatusCause> causes);
// Null when absent.
const Node* metadata_field(const Node& object, std::string_view name);
FieldOwner owner_for(const WriteRequest& request, bool applies);
void keep_api_fields(const Node& object, Resource& value);

}  // namespace ripcord::codec
