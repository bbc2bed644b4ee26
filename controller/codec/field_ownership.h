// SPDX-License-Identifier: Apache-2.0
#pragma once
// The three questions of field ownership about documents of one schema: which fields does a
// document name, in which fields do two differ, and what is a document with another laid over it.
// Pure functions.

#include "controller/codec/field_set.h"
#include "controller/codec/structural_schema.h"

namespace ripcord::codec {

FieldSet fields_of(const Node& document, const StructuralSchema& schema);

struct FieldChanges {
  FieldSet changed;  // added or with another value
  FieldSet removed;
};
FieldChanges compare_fields(const Node& before, const Node& after, const StructuralSchema& schema);

// `target` with every field that `applied` names.
void lay_over(Node& target, const Node& applied, const StructuralSchema& schema);

// Removes the fields of `gone`. A list item that somebody keeps a part of stays; a map that becomes
// empty goes.
void remove_fields(Node& target, const FieldSet& gone, const FieldSet& kept,
                   const StructuralSchema& schema);

}  // namespace ripcord::codec
