// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the one file of a migration whose up and down are told apart by annotations of goose's
// kind: the reader of a layout says what a line is, this puts the two scripts together.

#include "controller/codec/migration_layout.h"

namespace ripcord::codec {

enum class Annotation {
  kNone,  // SQL or a comment
  kUp,
  kDown,
  kStatementBegin,
  kStatementEnd,
  kNoTransaction,  // for both directions
  kUpAlone,        // up, without a transaction
  kDownAlone,
};

// What `line` is; an error (without file and line) for one that cannot be followed.
using AnnotationReader = Result<Annotation> (*)(std::string_view line);

struct AnnotatedRules {
  AnnotationReader reader;
  bool once = true;  // one up, then at most one down
};

// Both scripts of `file`. InvalidArgument with file and line.
Result<Migration> read_annotated(const SourceFile& file, const AnnotatedRules& rules);

}  // namespace ripcord::codec
