// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/codec.h"

#include "controller/codec/json_reader.h"
#include "controller/codec/json_skim.h"
#include "controller/codec/resource_codec.h"
#include "controller/codec/yaml_writer.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

// A stored object holds its document once more in an annotation, and a status.
constexpr TreeLimits kStoredLimits{kMaxDepth + 4, 400'000, 16 * kMaxDocumentBytes};
constexpr std::size_t kShownProblems = 10;

Status invalid(const Problems& problems) {
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < kShownProblems; ++i) {
    const Problem& problem = problems[i];
    text += text.empty() ? "" : "; ";
    text += problem.field.empty()
                ? fmt::format("line {}, column {}", problem.mark.line, problem.mark.column)
                : problem.field;
    text += ": " + problem.message;
  }
  if (problems.size() > kShownProblems) {
    text += fmt::format("; and {} more", problems.size() - kShownProblems);
  }
  return Status(StatusCode::kInvalidArgument, text);
}

}  // namespace

std::string to_string(const ManifestError& error) {
  std::string text = error.line > 0
                         ? fmt::format("{}:{}:{}: ", error.file, error.line, error.column)
                         : fmt::format("{}: ", error.file);
  if (!error.field.empty()) {
    text += error.field + ": ";
  }
  return text + error.message;
}

std::string encode(const Resource& object) {
  return to_json(node_of(object));
}

std::string encode_yaml(const Resource& object) {
  return to_yaml(node_of(object));
}

namespace {

// Half of what a server sends of an object, and nobody here looks at it.
std::string without_managed_fields(std::string_view json) {
  const auto metadata = member_value(json, "metadata");
  const auto fields = metadata ? member_value(metadata->of(json), "managedFields") : std::nullopt;
  if (!fields) {
    return std::string(json);
  }
  std::string rest(json.substr(0, metadata->begin + fields->begin));
  rest += "null";
  return rest += json.substr(metadata->begin + fields->end);
}

Result<Resource> decoded(std::string_view json, bool with_api_fields) {
  if (json.size() > kStoredLimits.text_bytes) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the object has {} bytes; the most is {}", json.size(),
                             kStoredLimits.text_bytes));
  }
  const JsonValue value = read_json(json, {1, 1}, kStoredLimits);
  if (!value.root) {
    return as_return(invalid({*value.problem}));
  }
  Problems problems;
  std::optional<Resource> resource = resource_of(*value.root, Origin::kStored, problems);
  if (!problems.empty()) {
    return as_return(invalid(problems));
  }
  if (with_api_fields) {
    resource->meta.api_fields = api_fields_of(*value.root);
  }
  return std::move(*resource);
}

}  // namespace

Result<Resource> decode(std::string_view json) {
  return decoded(without_managed_fields(json), false);
}

Result<Resource> decode_stored(std::string_view json) {
  return decoded(json, true);
}

}  // namespace ripcord::codec
