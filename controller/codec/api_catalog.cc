// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_catalog.h"

#include "controller/codec/catalog_parts.h"
#include "controller/codec/documents.h"
#include "controller/codec/resource_codec.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kVersion = "v1alpha1";

std::string text_at(const Node& node, std::string_view key) {
  const Node* value = node.find(key);
  return value == nullptr ? std::string() : value->text;
}

std::vector<std::string> texts_at(const Node& node, std::string_view key) {
  std::vector<std::string> texts;
  if (const Node* list = node.find(key)) {
    for (const Node& item : list->items) {
      texts.push_back(item.text);
    }
  }
  return texts;
}

const Node* walk(const Node& root, std::initializer_list<std::string_view> path) {
  const Node* at = &root;
  for (const std::string_view key : path) {
    at = at == nullptr ? nullptr : at->find(key);
  }
  return at;
}

const Node* served_version(const Node& crd) {
  const Node* versions = walk(crd, {"spec", "versions"});
  if (versions == nullptr) {
    return nullptr;
  }
  const auto at = std::find_if(versions->items.begin(), versions->items.end(),
                               [](const Node& v) { return text_at(v, "name") == kVersion; });
  return at == versions->items.end() ? nullptr : &*at;
}

Result<std::vector<PrinterColumn>> columns_of(const Node& version) {
  std::vector<PrinterColumn> columns;
  const Node* list = version.find("additionalPrinterColumns");
  for (const Node& written : list == nullptr ? std::vector<Node>() : list->items) {
    ASSIGN_OR_RETURN(JsonPath path, JsonPath::parse(text_at(written, "jsonPath")));
    const Node* priority = written.find("priority");
    columns.push_back({text_at(written, "name"), text_at(written, "type"),
                       text_at(written, "format"), text_at(written, "description"),
                       priority == nullptr ? 0 : priority->integer, std::move(path)});
  }
  return columns;
}

Status read_crd(const Node& crd, KindEntry& entry) {
  const Node* version = served_version(crd);
  const Node* names = walk(crd, {"spec", "names"});
  const Node* openapi =
      version == nullptr ? nullptr : walk(*version, {"schema", "openAPIV3Schema"});
  if (names == nullptr || openapi == nullptr) {
    return {StatusCode::kInvalidArgument,
            fmt::format("a CRD has no spec.names, or no schema of version {}", kVersion)};
  }
  entry.singular = text_at(*names, "singular");
  entry.short_names = texts_at(*names, "shortNames");
  entry.categories = texts_at(*names, "categories");
  ASSIGN_OR_RETURN(entry.columns, columns_of(*version));
  const Node* fields = version->find("selectableFields");
  for (const Node& field : fields == nullptr ? std::vector<Node>() : fields->items) {
    const std::string path = text_at(field, "jsonPath");
    ASSIGN_OR_RETURN(JsonPath parsed, JsonPath::parse(path));
    entry.field_names.push_back(path.substr(std::min<std::size_t>(1, path.size())));
    entry.fields.push_back({entry.field_names.back(), std::move(parsed)});
  }
  entry.openapi = *openapi;
  entry.schema = structural_schema(*openapi);
  std::erase_if(entry.schema.properties,
                [](const SchemaProperty& property) { return property.name == "metadata"; });
  entry.schema.properties.push_back({"metadata", metadata_schema()});
  return ok_status();
}

}  // namespace

Result<ApiCatalog> ApiCatalog::create(const std::vector<std::string_view>& crds) {
  auto parts = std::make_shared<CatalogParts>();
  std::array<bool, kAllKinds.size()> found{};
  for (const std::string_view text : crds) {
    const Documents documents = read_documents(text, false);
    if (!documents.problems.empty()) {
      const Problem& problem = documents.problems.front();
      return error(StatusCode::kInvalidArgument, fmt::format("a CRD cannot be read: line {}: {}",
                                                             problem.mark.line, problem.message));
    }
    for (const Node& crd : documents.roots) {
      const Node* kind_name = walk(crd, {"spec", "names", "kind"});
      const std::optional<Kind> kind =
          kind_name == nullptr ? std::nullopt : kind_from_name(kind_name->text);
      if (kind) {
        RETURN_IF_ERROR(read_crd(crd, parts->kinds.at(static_cast<std::size_t>(*kind))));
        found.at(static_cast<std::size_t>(*kind)) = true;
      }
    }
  }
  for (const Kind kind : kAllKinds) {
    if (!found.at(static_cast<std::size_t>(kind))) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("there is no CRD of kind {}", to_string(kind)));
    }
  }
  return ApiCatalog(std::move(parts));
}

const std::vector<std::string>& ApiCatalog::selectable_fields(Kind kind) const {
  return parts_->of(kind).field_names;
}

std::string ApiCatalog::field_value(const Resource& object, std::string_view field) const {
  const Node root = node_of(object);
  for (const SelectableField& selectable : parts_->of(object.kind()).fields) {
    if (selectable.name == field) {
      const Node* value = selectable.path.find(root);
      return value == nullptr ? std::string() : value->text;
    }
  }
  return {};
}

}  // namespace ripcord::codec
