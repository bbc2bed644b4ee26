// SPDX-License-Identifier: Apache-2.0
// By hand: see docs/architecture.md, Fuzzing.
#include "tests/fuzz/codec/oracle.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  for (const char* file : {"x.yaml", "x.json"}) {
    if (const std::string violation = ripcord::codec_violation(text, file); !violation.empty()) {
      std::cerr << violation << "\n";
      std::abort();
    }
  }
  return 0;
}
