// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/flag_file.h"

#include "controller/codec/json_text.h"

#include <fmt/format.h>

namespace ripcord::codec {

std::string encode_flag_file(const FlagFile& file) {
  std::string flags;
  for (const auto& [key, entry] : file) {
    std::string variants;
    for (const auto& [name, value] : entry.variants) {
      variants += fmt::format("{}{}: {}", variants.empty() ? "" : ", ", quote_json(name), value);
    }
    flags += fmt::format(R"({}    {}: {{"state": "{}", "variants": {{{}}}, "defaultVariant": {}}})",
                         flags.empty() ? "\n" : ",\n", quote_json(key),
                         entry.enabled ? "ENABLED" : "DISABLED", variants,
                         quote_json(entry.default_variant));
  }
  return fmt::format(
      "{{\n  \"$schema\": \"https://flagd.dev/schema/v0/flags.json\",\n"
      "  \"flags\": {{{}{}}}\n}}\n",
      flags, flags.empty() ? "" : "\n  ");
}

}  // namespace ripcord::codec
