// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_answer.h"

#include "controller/base/time_text.h"
#include "controller/codec/api_json.h"
#include "controller/codec/codec.h"
#include "controller/codec/resource_codec.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kMetaVersion = "meta.k8s.io/v1";

ApiJson list_metadata(const ListPage& page) {
  ApiJson metadata = {{"resourceVersion", std::to_string(page.resource_version)}};
  if (!page.continue_token.empty()) {
    metadata["continue"] = page.continue_token;
  }
  if (page.remaining) {
    metadata["remainingItemCount"] = *page.remaining;
  }
  return metadata;
}

ApiJson metadata_json(const Node& root) {
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", kMetaVersion},
          {"metadata", parse_own(to_json(*root.find("metadata")))}};
}

// A cell as the server makes it for a CRD's column: null when there is nothing.
ApiJson cell_of(const PrinterColumn& column, const Node& root, WallTime now) {
  const Node* value = column.path.find(root);
  if (value == nullptr || value->is_null()) {
    return nullptr;
  }
  if (column.type == "date") {
    const Result<WallTime> time = parse_time(value->text);
    return time ? human_age(now - *time) : "<invalid>";
  }
  if (column.type == "string") {
    const bool scalar = value->items.empty() && value->members.empty();
    return scalar && !value->text.empty() ? value->text : scalar ? "" : to_json(*value);
  }
  const bool fits = (column.type == "integer" && value->type == Node::Type::kInteger) ||
                    (column.type == "boolean" && value->type == Node::Type::kBool) ||
                    (column.type == "number" &&
                     (value->type == Node::Type::kNumber || value->type == Node::Type::kInteger));
  return fits ? parse_own(to_json(*value)) : ApiJson(nullptr);
}

ApiJson row_of(const KindEntry& entry, const AnswerForm& form, const Resource& object) {
  const Node root = node_of(object);
  ApiJson cells = ApiJson::array({object.meta.name});
  for (const PrinterColumn& column : entry.columns) {
    cells.push_back(cell_of(column, root, form.now));
  }
  ApiJson row = {{"cells", std::move(cells)}};
  if (form.row_object == RowObject::kObject) {
    row["object"] = parse_own(to_json(root));
  } else if (form.row_object == RowObject::kMetadata) {
    row["object"] = metadata_json(root);
  }
  return row;
}

std::vector<TableColumn> columns_of(const KindEntry& entry) {
  std::vector<TableColumn> columns = {
      {"Name", "string", "name", "Name of the object, unique in its namespace.", 0}};
  for (const PrinterColumn& column : entry.columns) {
    columns.push_back(
        {column.name, column.type, column.format, column.description, column.priority});
  }
  return columns;
}

std::string encode_rows(const ApiCatalog& catalog, const AnswerForm& form, Kind kind,
                        const std::vector<const Resource*>& items, ApiJson metadata) {
  const KindEntry& entry = catalog.parts().of(kind);
  ApiJson rows = ApiJson::array();
  for (const Resource* item : items) {
    rows.push_back(row_of(entry, form, *item));
  }
  return dump_json(
      table_json(columns_of(entry), form.headers, std::move(rows), std::move(metadata)));
}

}  // namespace

ApiJson table_json(const std::vector<TableColumn>& columns, bool headers, ApiJson rows,
                   ApiJson metadata) {
  ApiJson definitions = ApiJson::array();
  for (const TableColumn& column : columns) {
    definitions.push_back({{"name", column.name},
                           {"type", column.type},
                           {"format", column.format},
                           {"description", column.description},
                           {"priority", column.priority}});
  }
  return {{"kind", "Table"},
          {"apiVersion", kMetaVersion},
          {"metadata", std::move(metadata)},
          {"columnDefinitions", headers ? std::move(definitions) : ApiJson(nullptr)},
          {"rows", std::move(rows)}};
}

std::string encode_object(const ApiCatalog& catalog, const AnswerForm& form,
                          const Resource& object) {
  switch (form.shape) {
    case Shape::kTable:
      return encode_rows(catalog, form, object.kind(), {&object},
                         list_metadata({object.meta.resource_version, "", std::nullopt}));
    case Shape::kMetadata:
      return dump_json(metadata_json(node_of(object)));
    case Shape::kObject:
      break;
  }
  return encode(object);
}

std::string encode_page(const ApiCatalog& catalog, const AnswerForm& form, Kind kind,
                        const std::vector<ResourcePtr>& items, const ListPage& page) {
  if (form.shape == Shape::kTable) {
    std::vector<const Resource*> rows;
    for (const ResourcePtr& item : items) {
      rows.push_back(item.get());
    }
    return encode_rows(catalog, form, kind, rows, list_metadata(page));
  }
  const bool whole = form.shape == Shape::kObject;
  std::string text = fmt::format(R"({{"apiVersion":"{}","kind":"{}List","metadata":{},"items":[)",
                                 whole ? kApiVersion : kMetaVersion,
                                 whole ? to_string(kind) : "PartialObjectMetadata",
                                 dump_json(list_metadata(page)));
  bool first = true;
  for (const ResourcePtr& item : items) {
    text += std::exchange(first, false) ? "" : ",";
    text += encode_object(catalog, form, *item);
  }
  return text + "]}";
}

std::string encode_frame(std::string_view type, std::string_view object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}

std::string encode_bookmark(const AnswerForm& form, std::string_view kind,
                            std::string_view api_version, std::int64_t version, bool initial_end) {
  ApiJson metadata = {{"resourceVersion", std::to_string(version)}, {"creationTimestamp", nullptr}};
  if (initial_end) {
    metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  }
  const bool partial = form.shape != Shape::kObject;
  ApiJson object = {{"kind", partial ? "PartialObjectMetadata" : kind},
                    {"apiVersion", partial ? kMetaVersion : api_version},
                    {"metadata", std::move(metadata)}};
  if (form.shape == Shape::kTable) {
    object =
        table_json({}, false, ApiJson::array({{{"cells", ApiJson::array()}, {"object", object}}}),
                   list_metadata({version, "", std::nullopt}));
  }
  return encode_frame("BOOKMARK", dump_json(object));
}

std::string human_age(Duration age) {
  using std::chrono::duration_cast;
  const auto seconds = duration_cast<std::chrono::seconds>(age).count();
  if (seconds < 0) {
    return seconds < -1 ? "<invalid>" : "0s";
  }
  const auto with_rest = [](std::int64_t whole, const char* unit, std::int64_t rest,
                            const char* small) {
    return rest == 0 ? fmt::format("{}{}", whole, unit)
                     : fmt::format("{}{}{}{}", whole, unit, rest, small);
  };
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = minutes / 60;
  const std::int64_t days = hours / 24;
  if (seconds < 120) {
    return fmt::format("{}s", seconds);
  }
  if (minutes < 10) {
    return with_rest(minutes, "m", seconds % 60, "s");
  }
  if (minutes < 180) {
    return fmt::format("{}m", minutes);
  }
  if (hours < 8) {
    return with_rest(hours, "h", minutes % 60, "m");
  }
  if (hours < 48) {
    return fmt::format("{}h", hours);
  }
  if (days < 8) {
    return with_rest(days, "d", hours % 24, "h");
  }
  if (days < 365 * 2) {
    return fmt::format("{}d", days);
  }
  return days < 365 * 8 ? with_rest(days / 365, "y", days % 365, "d")
                        : fmt::format("{}y", days / 365);
}

}  // namespace ripcord::codec
