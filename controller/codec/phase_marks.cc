// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/phase_marks.h"

#include <algorithm>

namespace ripcord::codec {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool alone_on_its_line(std::string_view script, std::size_t offset) {
  const std::size_t end = script.find_last_of('\n', offset);
  const std::size_t begin = end == std::string_view::npos ? 0 : end + 1;
  return trimmed(script.substr(begin, offset - begin)).empty();
}

}  // namespace

std::vector<PhaseMark> phase_marks(SqlDialect dialect, std::string_view script) {
  std::vector<PhaseMark> marks;
  if (script.find(kPhaseMark) == std::string_view::npos) {
    return marks;
  }
  for (const SqlComment& comment : sql_comments(dialect, script)) {
    const std::string_view text =
        comment.text.starts_with("--") ? trimmed(comment.text.substr(2)) : std::string_view{};
    if (!text.starts_with(kPhaseMark) || !alone_on_its_line(script, comment.offset)) {
      continue;
    }
    const auto line =
        std::count(script.begin(), script.begin() + static_cast<std::ptrdiff_t>(comment.offset),
                   '\n') +
        1;
    marks.push_back(
        {std::string(trimmed(text.substr(kPhaseMark.size()))), static_cast<std::int32_t>(line)});
  }
  return marks;
}

}  // namespace ripcord::codec
