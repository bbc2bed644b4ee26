// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a migration can be taken back, found out by doing it on a shadow database: up, down, up.
// Values.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord {

// Off: nothing is tried. Warn: the result is told and the migration runs. Require: what is
// irreversible or could not be proven waits for an approval of its version.
enum class ProofPolicy { kOff, kWarn, kRequire };

enum class Reversibility {
  kLossless,      // schema and rows are back after the down, and again after the next up
  kLossy,         // the schema is; content of `what` is not
  kIrreversible,  // no down, a down that fails, or one that does not bring the schema back
  kUnproven,      // could not be tried
};
std::string_view to_string(Reversibility result);  // "Lossless", "Lossy", ...

struct MigrationProof {
  std::int64_t version = 0;
  Reversibility result = Reversibility::kUnproven;
  // Lossy: the tables and columns that lose content. Irreversible, Unproven: why. Lossless: what
  // differs softly (the order of columns). At most 20.
  std::vector<std::string> what;
  std::string digest;  // sha256, hex, of up and down: says nothing about other scripts

  bool operator==(const MigrationProof&) const = default;
};

}  // namespace ripcord
