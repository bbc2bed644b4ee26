// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_body.h"

#include "controller/base/time_text.h"
#include "controller/codec/codec.h"
#include "controller/codec/documents.h"
#include "controller/codec/json_reader.h"
#include "controller/codec/resource_codec.h"
#include "controller/model/validation.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kVersion = "v1alpha1";
// A body brings back what was read: with status, and with the owners of every field.
constexpr TreeLimits kBodyLimits{kMaxDepth + 8, 400'000, 16 * kMaxDocumentBytes};

std::string text_at(const Node& node, std::string_view key) {
  const Node* value = node.find(key);
  return value == nullptr ? std::string() : value->text;
}

Status match_text(Node& metadata, std::string_view key, const std::string& wanted,
                  std::string_view message) {
  const std::string written = text_at(metadata, key);
  if (written.empty()) {
    metadata.set(key, Node::string_of(wanted));
  } else if (written != wanted) {
    return bad_request(fmt::format(fmt::runtime(message), written, wanted));
  }
  return ok_status();
}

}  // namespace

Status bad_request(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message), "BadRequest"};
}

Status invalid_object(const ObjectKey& key, WriteNotes& notes, std::vector<StatusCause> causes) {
  std::string text;
  for (const StatusCause& cause : causes) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", cause.field, cause.message);
  }
  if (causes.size() > 1) {
    text = "[" + text + "]";
  }
  notes.causes = std::move(causes);
  return {
      StatusCode::kInvalidArgument,
      fmt::format("{}.{} \"{}\" is invalid: {}", to_string(key.kind), kApiGroup, key.name, text),
      "Invalid"};
}

const Node* metadata_field(const Node& object, std::string_view name) {
  const Node* metadata = object.find("metadata");
  const Node* value = metadata == nullptr ? nullptr : metadata->find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

FieldOwner owner_for(const WriteRequest& request, bool applies) {
  return {
      request.manager,          applies, request.status ? "status" : "", std::string(kApiVersion),
      format_time(request.now), {}};
}

void keep_api_fields(const Node& object, Resource& value) {
  value.meta.api_fields = api_fields_of(object);
  if (!value.meta.api_fields.text) {
    value.meta.api_fields.text = std::make_shared<const std::string>("{}");
  }
}

Result<Node> read_body(std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return as_return(bad_request("the request has no body"));
  }
  Node root;
  if (body[first] == '{' || body[first] == '[') {
    JsonValue value = read_json(body, {1, 1}, kBodyLimits);
    if (!value.root) {
      return as_return(bad_request(fmt::format("the body is no valid JSON: line {}, column {}: {}",
                                               value.problem->mark.line, value.problem->mark.column,
                                               value.problem->message)));
    }
    root = std::move(*value.root);
  } else {
    Documents documents = read_documents(body, false);
    if (!documents.problems.empty() || documents.roots.size() != 1) {
      return as_return(bad_request(documents.problems.empty()
                                       ? "the body has to be one YAML document"
                                       : fmt::format("the body is no valid YAML: line {}: {}",
                                                     documents.problems.front().mark.line,
                                                     documents.problems.front().message)));
    }
    root = std::move(documents.roots.front());
  }
  return root;
}

Status match_path(Node& object, const ObjectKey& key) {
  if (!object.is_map()) {
    return bad_request("the body has to be an object");
  }
  const std::string version = text_at(object, "apiVersion");
  const std::string kind = text_at(object, "kind");
  if (version.empty() || kind.empty()) {
    return bad_request(
        fmt::format("Object '{}' is missing in the body", kind.empty() ? "Kind" : "apiVersion"));
  }
  if (version != kApiVersion || kind != to_string(key.kind)) {
    return bad_request(
        fmt::format("{} of {} in the body cannot be handled as a {} of {}, which the path names",
                    kind, version, to_string(key.kind), kApiVersion));
  }
  if (object.find("metadata") == nullptr || !object.find("metadata")->is_map()) {
    object.set("metadata", Node::map());
  }
  Node& metadata = *object.find("metadata");
  RETURN_IF_ERROR(match_text(metadata, "namespace", key.ns,
                             "the namespace of the provided object ({}) does not match the "
                             "namespace sent on the request ({})"));
  return key.name.empty()
             ? ok_status()
             : match_text(metadata, "name", key.name,
                          "the name of the object ({}) does not match the name on the URL ({})");
}

Status check_fields(Node& object, const KindEntry& entry, const WriteRequest& request,
                    WriteNotes& notes) {
  std::vector<std::string> dropped;
  drop_unknown(object, entry.schema, "", dropped);
  if (dropped.empty() || request.validation == FieldValidation::kIgnore) {
    return ok_status();
  }
  std::string text;
  for (const std::string& path : dropped) {
    const std::string unknown = fmt::format("unknown field \"{}\"", path);
    text += (text.empty() ? "" : ", ") + unknown;
    if (request.validation == FieldValidation::kWarn) {
      notes.warnings.push_back(unknown);
    }
  }
  if (request.validation == FieldValidation::kWarn) {
    return ok_status();
  }
  const std::string_view kind = to_string(request.key.kind);
  return bad_request(
      fmt::format("{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}", kind,
                  kVersion, kind, text));
}

Result<Resource> value_of(Node object, const KindEntry& entry, const Resource* stored,
                          WriteNotes& notes) {
  fill_defaults(object, entry.schema);
  Problems problems;
  std::optional<Resource> value = resource_of(object, Origin::kStored, problems);
  const ObjectKey key = value ? value->key() : ObjectKey{};
  std::vector<StatusCause> causes;
  for (Problem& problem : problems) {
    causes.push_back({"FieldValueInvalid", std::move(problem.message), std::move(problem.field)});
  }
  if (value && causes.empty() && (stored == nullptr || stored->spec != value->spec)) {
    for (FieldError& wrong : validate(*value)) {
      causes.push_back({"FieldValueInvalid", std::move(wrong.message), std::move(wrong.path)});
    }
  }
  if (!causes.empty()) {
    return as_return(invalid_object(key, notes, std::move(causes)));
  }
  return std::move(*value);
}

}  // namespace ripcord::codec
