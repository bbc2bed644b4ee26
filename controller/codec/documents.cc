// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/documents.h"

#include "controller/codec/codec.h"
#include "controller/codec/json_reader.h"
#include "controller/codec/utf8.h"
#include "controller/codec/yaml_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr TreeLimits kLimits{kMaxDepth, 100'000, 4 * kMaxDocumentBytes};
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct Chunk {
  std::string_view text;
  int line = 1;
};

bool is_marker(std::string_view line) {
  return line.starts_with("---") &&
         (line.size() == 3 || std::string_view(" \t\r\n").find(line[3]) != std::string_view::npos);
}

std::vector<Chunk> split(std::string_view text) {
  std::vector<Chunk> chunks;
  std::size_t first = 0;
  int first_line = 1;
  int line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t newline = text.find('\n', at);
    const std::size_t next = newline == std::string_view::npos ? text.size() : newline + 1;
    if (at != first && is_marker(text.substr(at, next - at))) {
      chunks.push_back({text.substr(first, at - first), first_line});
      first = at;
      first_line = line;
    }
    at = next;
  }
  chunks.push_back({text.substr(first), first_line});
  return chunks;
}

Mark mark_at(const Chunk& chunk, std::size_t at) {
  const std::string_view before = chunk.text.substr(0, at);
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? at : at - newline - 1;
  return {chunk.line + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
          static_cast<int>(column) + 1};
}

bool check_bytes(const Chunk& chunk, Problems& problems) {
  if (chunk.text.size() > kMaxDocumentBytes) {
    problems.push_back({{chunk.line, 1},
                        "",
                        fmt::format("the document has {} bytes; the most is {} (1 MiB)",
                                    chunk.text.size(), kMaxDocumentBytes)});
    return false;
  }
  if (const std::size_t bad = find_invalid_utf8(chunk.text); bad != std::string_view::npos) {
    problems.push_back(
        {mark_at(chunk, bad), "", "a byte that is no valid UTF-8; save the file as UTF-8"});
    return false;
  }
  const auto control = std::find_if(chunk.text.begin(), chunk.text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
  });
  if (control != chunk.text.end()) {
    problems.push_back(
        {mark_at(chunk, static_cast<std::size_t>(control - chunk.text.begin())), "",
         fmt::format("the control character U+{:04X} is not allowed; remove it, or write it as an "
                     "escape in quotes",
                     static_cast<unsigned>(static_cast<unsigned char>(*control)))});
    return false;
  }
  return true;
}

// Position behind the marker line's `---`, white space, comments and directives.
std::size_t content_start(std::string_view text) {
  std::size_t at = is_marker(text) ? 3 : 0;
  bool line_start = at == 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '#' || (c == '%' && line_start)) {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      line_start = c == '\n';
      ++at;
    } else {
      break;
    }
  }
  return at;
}

// One value behind the other, as kubectl takes them.
Documents read_json_stream(const Chunk& chunk, std::size_t at, bool& syntax) {
  Documents documents;
  while (at < chunk.text.size()) {
    if (chunk.text[at] != '{' && chunk.text[at] != '[') {
      syntax = true;
      documents.problems.push_back({mark_at(chunk, at), "",
                                    "text behind the end of the JSON document; remove it, or "
                                    "start another document with `{` or `---`"});
      break;
    }
    JsonValue value = read_json_value(chunk.text.substr(at), mark_at(chunk, at), kLimits);
    if (!value.root) {
      syntax = value.syntax;
      documents.problems.push_back(std::move(*value.problem));
      break;
    }
    documents.roots.push_back(std::move(*value.root));
    at = std::min(chunk.text.find_first_not_of(" \t\r\n", at + value.length), chunk.text.size());
  }
  return documents;
}

Documents read_yaml_stream(const Chunk& chunk) {
  YamlStream stream = read_yaml(chunk.text, chunk.line, kLimits);
  Documents documents;
  documents.roots = std::move(stream.documents);
  if (stream.problem) {
    documents.problems.push_back(std::move(*stream.problem));
  }
  return documents;
}

// `{"` is JSON; `{name` can only be YAML in flow style.
bool looks_like_json(std::string_view content) {
  const std::size_t next = content.find_first_not_of(" \t\r\n", 1);
  return next == std::string_view::npos ||
         std::string_view("\"}[{").find(content[next]) != std::string_view::npos;
}

Documents read_chunk(const Chunk& chunk, bool strict_json) {
  const std::size_t start = content_start(chunk.text);
  if (start == chunk.text.size()) {
    return {};
  }
  const std::string_view content = chunk.text.substr(start);
  if (content.front() != '{' && content.front() != '[') {
    return read_yaml_stream(chunk);
  }
  bool syntax = false;
  Documents json = read_json_stream(chunk, start, syntax);
  if (json.problems.empty() || !syntax || strict_json) {
    return json;
  }
  Documents yaml = read_yaml_stream(chunk);
  return yaml.problems.empty() || !looks_like_json(content) ? yaml : json;
}

}  // namespace

Documents read_documents(std::string_view text, bool strict_json) {
  Documents all;
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  for (const Chunk& chunk : split(text)) {
    if (!check_bytes(chunk, all.problems)) {
      continue;
    }
    Documents documents = read_chunk(chunk, strict_json);
    for (Node& root : documents.roots) {
      if (!root.is_null()) {
        all.roots.push_back(std::move(root));
      }
    }
    std::move(documents.problems.begin(), documents.problems.end(),
              std::back_inserter(all.problems));
  }
  return all;
}

}  // namespace ripcord::codec
