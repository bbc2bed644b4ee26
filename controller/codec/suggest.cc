// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/suggest.h"

#include "controller/codec/node.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord::codec {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Edits (insert, remove, replace, swap of neighbours) between two words, letter case ignored.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    previous[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool equal = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (equal ? 0U : 1U)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(previous);
    previous.swap(row);
  }
  return previous[b.size()];
}

}  // namespace

std::string suggestion(std::string_view written, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t best_distance = std::string_view::npos;
  if (written.size() <= 64) {
    for (const std::string_view name : known) {
      const std::size_t d = distance(written, name);
      if (d < best_distance) {
        best_distance = d;
        best = name;
      }
    }
  }
  const std::size_t allowed = std::max<std::size_t>(1, std::min(written.size(), best.size()) / 3);
  if (best_distance <= allowed) {
    return fmt::format("did you mean '{}'?", best);
  }
  return known.empty() ? "none is known here" : fmt::format("known are {}", fmt::join(known, ", "));
}

std::string echo(std::string_view text) {
  if (text.find("://") != std::string_view::npos || text.find('@') != std::string_view::npos) {
    return "(a URL, not shown)";
  }
  constexpr std::size_t kShown = 64;
  std::string shown = quoted(text.substr(0, kShown));
  shown.front() = '\'';
  shown.back() = '\'';
  return text.size() > kShown ? shown + "..." : shown;
}

}  // namespace ripcord::codec
