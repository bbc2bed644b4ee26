// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a written spec, and from a saved file, to the changed answer: through the object store, the
// control loop and the strategy, as `ripcord run` wires them.

#include <filesystem>

namespace ripcord::bench {

// Prints its tables; `directory` is empty and on the disk that is to be measured.
void measure_end_to_end(const std::filesystem::path& directory);

}  // namespace ripcord::bench
