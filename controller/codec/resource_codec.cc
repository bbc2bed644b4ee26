// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/resource_codec.h"

#include "controller/codec/codec.h"
#include "controller/codec/field_reader.h"
#include "controller/codec/field_writer.h"
#include "controller/codec/fields.h"
#include "controller/codec/json_reader.h"
#include "controller/codec/status_fields.h"
#include "controller/codec/suggest.h"

#include <array>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::array<std::string_view, 3> kApiFields = {"generateName", "ownerReferences",
                                                        "managedFields"};
constexpr TreeLimits kApiFieldLimits{kMaxDepth + 8, 400'000, 16 * kMaxDocumentBytes};

std::optional<Kind> kind_of(const Node& root, Problems& problems) {
  std::vector<std::string_view> kinds;
  for (const Kind kind : kAllKinds) {
    kinds.push_back(to_string(kind));
  }
  const Member* written = root.member("kind");
  if (written == nullptr || written->value.type != Node::Type::kString) {
    problems.push_back({written == nullptr ? root.mark : written->value.mark, "kind",
                        "is missing or no text; " + suggestion("", kinds)});
    return std::nullopt;
  }
  const std::optional<Kind> kind = kind_from_name(written->value.text);
  if (!kind) {
    problems.push_back({written->value.mark, "kind",
                        fmt::format("{} is no kind of {}; {}", echo(written->value.text), kApiGroup,
                                    suggestion(written->value.text, kinds))});
  }
  return kind;
}

void check_api_version(const Node& root, Problems& problems) {
  const Member* written = root.member("apiVersion");
  if (written == nullptr) {
    problems.push_back(
        {root.mark, "apiVersion", fmt::format("is missing; write `apiVersion: {}`", kApiVersion)});
  } else if (written->value.type != Node::Type::kString || written->value.text != kApiVersion) {
    problems.push_back(
        {written->value.mark, "apiVersion",
         fmt::format("{} is not served; write `apiVersion: {}`",
                     written->value.type == Node::Type::kString ? echo(written->value.text)
                                                                : "what is written here",
                     kApiVersion)});
  }
}

// Defaults that reading then overwrites, where the manifest says something.
void preset(Resource& resource) {
  if (auto* flag = std::get_if<FeatureFlagSpec>(&resource.spec)) {
    flag->key = resource.meta.name;
    flag->variants = {{"on", "true"}, {"off", "false"}};
    flag->default_variant = "on";
    flag->off_variant = "off";
  }
}

void read_metadata(const Node& root, Origin origin, Metadata& meta, Problems& problems) {
  const Node* node = root.find("metadata");
  if (node == nullptr || node->is_null()) {
    problems.push_back({root.mark, "metadata", "is missing; write `metadata: {name: ...}`"});
    return;
  }
  if (!node->is_map()) {
    problems.push_back({node->mark, "metadata", "wanted a mapping; write `metadata: {name: ...}`"});
    return;
  }
  if (origin == Origin::kStored) {
    FieldReader reader(*node, "metadata", problems);
    describe(reader, meta);
    reader.finish();
    return;
  }
  FieldReader reader(*node, "metadata", problems);
  reader.required("name", meta.name);
  reader.field("namespace", meta.ns);
  reader.field("labels", meta.labels);
  reader.field("annotations", meta.annotations);
  reader.field("finalizers", meta.finalizers);
  for (const std::string_view ignored :
       {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "managedFields", "selfLink"}) {
    reader.ignore(ignored);
  }
  reader.finish();
}

}  // namespace

std::optional<Resource> resource_of(const Node& root, Origin origin, Problems& problems) {
  if (!root.is_map()) {
    problems.push_back(
        {root.mark, "", fmt::format("wanted an object; start with `apiVersion: {}`", kApiVersion)});
    return std::nullopt;
  }
  const std::optional<Kind> kind = kind_of(root, problems);
  if (!kind) {
    return std::nullopt;
  }
  check_api_version(root, problems);
  Resource resource = make_resource(*kind, "");
  read_metadata(root, origin, resource.meta, problems);
  preset(resource);

  FieldReader top(root, "", problems);
  top.ignore("apiVersion");
  top.ignore("kind");
  top.ignore("metadata");
  if (origin == Origin::kManifest && !top.has("spec")) {
    top.fail("spec", "is missing; write `spec: {...}`");
  }
  std::visit([&](auto& spec) { top.field("spec", spec); }, resource.spec);
  if (origin == Origin::kManifest) {
    top.ignore("status");
  } else {
    std::visit([&](auto& status) { top.field("status", status); }, resource.status);
  }
  top.finish();
  return resource;
}

Node node_of(const Resource& resource) {
  FieldWriter writer;
  writer.field("apiVersion", std::string(kApiVersion));
  writer.field("kind", std::string(to_string(resource.kind())));
  writer.field("metadata", resource.meta);
  std::visit([&](const auto& spec) { writer.field("spec", spec); }, resource.spec);
  std::visit(
      [&]<class Status>(const Status& status) {
        if (status == Status{}) {  // never observed: as a server shows it, by the schema's default
          writer.group("status",
                       [](auto& group) { group.field("observedGeneration", std::int32_t{-1}); });
        } else {
          writer.field("status", status);
        }
      },
      resource.status);
  Node root = writer.take();
  add_api_fields(resource.meta.api_fields, *root.find("metadata"));
  return root;
}

OpaqueText api_fields_of(const Node& root) {
  const Node* metadata = root.find("metadata");
  Node fields = Node::map();
  for (const std::string_view key : kApiFields) {
    const Node* value = metadata == nullptr ? nullptr : metadata->find(key);
    if (value != nullptr && !value->is_null() && (!value->text.empty() || !value->items.empty())) {
      fields.set(key, *value);
    }
  }
  return fields.members.empty() ? OpaqueText()
                                : OpaqueText{std::make_shared<const std::string>(to_json(fields))};
}

void add_api_fields(const OpaqueText& fields, Node& metadata) {
  if (!fields.text) {
    return;
  }
  JsonValue value = read_json(*fields.text, {1, 1}, kApiFieldLimits);
  for (Member& member : value.root ? value.root->members : std::vector<Member>()) {
    metadata.set(member.key, std::move(member.value));
  }
}

}  // namespace ripcord::codec
