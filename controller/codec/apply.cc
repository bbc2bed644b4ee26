// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/codec.h"
#include "controller/codec/json_reader.h"
#include "controller/codec/manifest_document.h"
#include "controller/codec/resource_codec.h"
#include "controller/model/validation.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::array<std::string_view, 3> kWritableMetadata = {"labels", "annotations",
                                                               "finalizers"};

Node parsed(std::string_view json) {
  JsonValue value = read_json(json, {1, 1}, {kMaxDepth, 100'000, 8 * kMaxDocumentBytes});
  return value.root && value.root->is_map() ? std::move(*value.root) : Node::map();
}

const Node& child_map(const Node& node, std::string_view key) {
  static const Node kEmpty = Node::map();
  const Node* found = node.find(key);
  return found != nullptr && found->is_map() ? *found : kEmpty;
}

// `live` becomes what applying `wanted` over it gives, `last` being what was applied before.
void merge(Node& live, const Node& wanted, const Node& last) {
  for (const Member& member : last.members) {
    if (wanted.find(member.key) == nullptr) {
      live.erase(member.key);
    }
  }
  for (const Member& member : wanted.members) {
    if (member.value.is_null()) {
      live.erase(member.key);
    } else if (!member.value.is_map()) {
      live.set(member.key, member.value);
    } else {
      Node* target = live.find(member.key);
      if (target == nullptr || !target->is_map()) {
        live.set(member.key, Node::map());
        target = live.find(member.key);
      }
      merge(*target, member.value, child_map(last, member.key));
    }
  }
}

// Removes from `live` what only a default put there: not named in `last`, and still what `last`
// gives by default. It is defaulted anew after the merge, from the new manifest.
void drop_defaults(Node& live, const Node& defaulted, const Node& last) {
  std::erase_if(live.members, [&](Member& member) {
    const Node* given = last.find(member.key);
    const Node* by_default = defaulted.find(member.key);
    if (by_default == nullptr) {
      return false;
    }
    if (given == nullptr && same_value(member.value, *by_default)) {
      return true;
    }
    if (member.value.is_map() && by_default->is_map()) {
      drop_defaults(member.value, *by_default, child_map(last, member.key));
    }
    return false;
  });
}

Node writable_part(const Node& object) {
  Node part = Node::map();
  Node metadata = Node::map();
  for (const std::string_view key : kWritableMetadata) {
    if (const Node* value = child_map(object, "metadata").find(key)) {
      metadata.set(key, *value);
    }
  }
  part.set("metadata", std::move(metadata));
  part.set("spec", child_map(object, "spec"));
  return part;
}

Node live_part(const Resource& live, const Node& last) {
  Node part = writable_part(node_of(live));
  Problems ignored;
  if (const std::optional<Resource> before = resource_of(last, Origin::kManifest, ignored)) {
    const Node defaulted = node_of(*before);
    drop_defaults(*part.find("spec"), child_map(defaulted, "spec"), child_map(last, "spec"));
  }
  return part;
}

}  // namespace

std::string document_of(const Node& root) {
  Node document = Node::map();
  for (const std::string_view key : {"apiVersion", "kind", "spec"}) {
    if (const Node* value = root.find(key)) {
      document.set(key, *value);
    }
  }
  const Node& written = child_map(root, "metadata");
  Node metadata = Node::map();
  for (const std::string_view key : {"name", "namespace", "labels", "annotations", "finalizers"}) {
    if (const Node* value = written.find(key)) {
      metadata.set(key, *value);
    }
  }
  if (Node* annotations = metadata.find("annotations")) {
    annotations->erase(kLastApplied);
  }
  document.set("metadata", std::move(metadata));
  return to_json(document, KeyOrder::kSorted);
}

Result<Resource> apply_manifest(const Manifest& manifest, const Resource* live) {
  const Node document = parsed(manifest.document);
  Node last = Node::map();
  Node merged = Node::map();
  if (live != nullptr) {
    if (live->key() != manifest.object.key()) {
      return error(StatusCode::kInternal, fmt::format("a manifest of {} was applied to {}",
                                                      ripcord::to_string(manifest.object.key()),
                                                      ripcord::to_string(live->key())));
    }
    const auto applied = live->meta.annotations.find(std::string(kLastApplied));
    if (applied != live->meta.annotations.end()) {
      last = parsed(applied->second);
    }
    merged = live_part(*live, last);
  }
  merge(merged, writable_part(document), writable_part(last));
  merged.set("apiVersion", Node::string_of(std::string(kApiVersion)));
  merged.set("kind", Node::string_of(std::string(to_string(manifest.object.kind()))));
  Node& metadata = *merged.find("metadata");
  metadata.set("name", Node::string_of(manifest.object.meta.name));
  metadata.set("namespace", Node::string_of(manifest.object.meta.ns));

  Problems problems;
  std::optional<Resource> result = resource_of(merged, Origin::kManifest, problems);
  if (!problems.empty()) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("{}: {}", problems.front().field, problems.front().message));
  }
  RETURN_IF_ERROR(validation_status(*result));
  result->meta.annotations[std::string(kLastApplied)] = manifest.document;
  if (live != nullptr) {
    Metadata meta = live->meta;
    meta.labels = std::move(result->meta.labels);
    meta.annotations = std::move(result->meta.annotations);
    meta.finalizers = std::move(result->meta.finalizers);
    result->meta = std::move(meta);
    result->status = live->status;
  }
  return std::move(*result);
}

}  // namespace ripcord::codec
