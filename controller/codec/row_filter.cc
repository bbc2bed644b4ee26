// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/row_filter.h"

namespace ripcord::codec {

std::string row_filter(std::string_view text, const std::vector<SqlToken>& tokens, std::size_t base,
                       std::string_view all) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t begin = kNone;
  std::size_t end = 0;
  int depth = 0;
  for (const SqlToken& token : tokens) {
    depth += token.symbol('(') ? 1 : token.symbol(')') ? -1 : 0;
    const std::size_t behind = token.offset - base + token.length;
    if (depth == 0 && begin == kNone && token.word("WHERE")) {
      begin = behind;
      end = behind;
    } else if (depth == 0 && (token.word("RETURNING") || token.symbol(';'))) {
      break;
    } else {
      end = behind;
    }
  }
  return begin == kNone ? std::string(all) : std::string(text.substr(begin, end - begin));
}

}  // namespace ripcord::codec
