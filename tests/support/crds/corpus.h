// SPDX-License-Identifier: Apache-2.0
#pragma once
// tests/golden/corpus: manifests with the verdict that the codec and an API server with our CRDs
// both give. A file holds `base`, an object that is valid, and `cases`, each of which changes it:
//   merge    a JSON merge patch on `base`; "$repeat 3 ab" stands for "ababab",
//            "$null" for a null that is written; {$list 3: x} for [x, x, x]; {$keys 3: x} for
//            {k0: x, k1: x, k2: x}
//   invalid  the field that both name; absent: the manifest is valid
//   server   what the server names instead: a parent of `invalid`, where it cannot be that exact;
//            `accepts` where it cannot refuse. `because` then says why.
// Reading throws std::runtime_error with the file and the case.

#include "controller/codec/node.h"

#include <string>
#include <vector>

namespace ripcord {

struct CorpusCase {
  std::string file;
  std::string name;
  std::string manifest;  // JSON
  std::string field;     // empty: valid
  std::string server_field;
  bool server_accepts = false;  // although the codec does not
  std::string because;
};

std::vector<CorpusCase> read_corpus();

}  // namespace ripcord
