// SPDX-License-Identifier: Apache-2.0
// atlas.sum: one line for the whole, then "NAME h1:BASE64" of each file, where the hash of a file
// covers all files before it too.
#include "controller/base/running_sha256.h"
#include "controller/codec/base64.h"
#include "controller/codec/migration_layout.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kMark = "h1:";
constexpr std::string_view kSum = "atlas.sum";

struct Line {
  std::string name;
  std::string hash;
};

struct Sum {
  std::string total;
  std::vector<Line> lines;
  bool lists(std::string_view name) const {
    return std::any_of(lines.begin(), lines.end(), [&](const Line& l) { return l.name == name; });
  }
};

std::string total_of(const std::vector<Line>& lines) {
  RunningSha256 sha;
  for (const Line& line : lines) {
    sha.update(line.name);
    sha.update(line.hash);
  }
  return encode_base64(sha.digest());
}

Result<Sum> parse(const std::string& text) {
  Sum sum;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    ++number;
    const std::size_t mark = line.find(kMark);
    if (mark == std::string_view::npos || (number == 1) != (mark == 0)) {
      return as_return(bad_line(kSum, number, "is no line of a sum; run `atlas migrate hash`"));
    }
    std::string hash(line.substr(mark + kMark.size()));
    if (number == 1) {
      sum.total = std::move(hash);
    } else {
      sum.lines.push_back(
          {std::string(line.substr(0, line.find_last_not_of(' ', mark - 1) + 1)), std::move(hash)});
    }
  }
  return sum;
}

// Nothing when there is no such file.
Result<std::optional<Sum>> read_sum(const SourceFiles& files) {
  const auto file = std::find_if(files.begin(), files.end(),
                                 [](const SourceFile& each) { return each.name == kSum; });
  if (file == files.end()) {
    return std::optional<Sum>{};
  }
  ASSIGN_OR_RETURN(const std::string text, file->text());
  ASSIGN_OR_RETURN(Sum sum, parse(text));
  return std::optional(std::move(sum));
}

bool ends_with(const std::string& name, std::string_view end) {
  return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

// A file may say that its content does not count.
bool ignored(std::string_view bytes) {
  constexpr std::string_view kDirective = "atlas:sum ";
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const std::size_t at = line.find(kDirective);
  if (at == std::string_view::npos) {
    return false;
  }
  const std::string_view mode = line.substr(at + kDirective.size());
  const std::size_t begin = mode.find_first_not_of(' ');
  return begin != std::string_view::npos &&
         mode.substr(begin, mode.find_last_not_of(" \r") + 1 - begin) == "ignore";
}

Status changed(std::string_view file, std::string_view how) {
  return {
      StatusCode::kInvalidArgument,
      fmt::format("{}: {}; bring it back as it was, or, when that is wanted, run `atlas migrate "
                  "hash`",
                  file, how),
      "ChecksumMismatch"};
}

// The lines as the files are now; an error for the first that differs.
Result<std::vector<Line>> compute(const SourceFiles& files, std::string_view ending,
                                  const Sum& sum) {
  RunningSha256 running;
  std::vector<Line> lines;
  for (const SourceFile& file : files) {
    if (!ends_with(file.name, ending)) {
      continue;
    }
    ASSIGN_OR_RETURN(const std::string bytes, file.bytes);
    running.update(file.name);
    if (ignored(bytes)) {
      continue;
    }
    running.update(bytes);
    if (!sum.lists(file.name)) {
      return as_return(changed(file.name, "was added since atlas.sum was written"));
    }
    lines.push_back({file.name, encode_base64(running.digest())});
  }
  return lines;
}

}  // namespace

Result<std::map<std::string, std::string>> atlas_hashes(const SourceFiles& files) {
  ASSIGN_OR_RETURN(const std::optional<Sum> sum, read_sum(files));
  std::map<std::string, std::string> hashes;
  if (sum) {
    for (const Line& line : sum->lines) {
      hashes.emplace(line.name, line.hash);
    }
  }
  return hashes;
}

Status check_atlas_sum(const SourceFiles& files) {
  ASSIGN_OR_RETURN(const std::optional<Sum> there, read_sum(files));
  if (!there) {
    return {};
  }
  const Sum& sum = *there;
  for (const Line& line : sum.lines) {
    const bool found = std::any_of(files.begin(), files.end(),
                                   [&](const SourceFile& each) { return each.name == line.name; });
    if (!found) {
      return changed(line.name, "is in atlas.sum, but its file is missing");
    }
  }
  // Beside golang-migrate's pairs only the ups count.
  const bool only_ups =
      !sum.lines.empty() && std::all_of(sum.lines.begin(), sum.lines.end(),
                                        [](const Line& l) { return ends_with(l.name, ".up.sql"); });
  ASSIGN_OR_RETURN(const std::vector<Line> now, compute(files, only_ups ? ".up.sql" : ".sql", sum));
  for (std::size_t i = 0; i < std::min(now.size(), sum.lines.size()); ++i) {
    if (now[i].name != sum.lines[i].name || now[i].hash != sum.lines[i].hash) {
      return changed(now[i].name, "was changed since atlas.sum was written");
    }
  }
  if (sum.total != total_of(sum.lines)) {
    return changed(kSum, "its first line does not fit the others");
  }
  return {};
}

}  // namespace ripcord::codec
