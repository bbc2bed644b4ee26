// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_events.h"

#include "controller/base/time_text.h"
#include "controller/codec/api_json.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kController = "ripcord.dev/controller";

ApiJson regarding_json(const ApiEvent& event) {
  return {{"kind", to_string(event.regarding.kind)},
          {"namespace", event.regarding.ns},
          {"name", event.regarding.name},
          {"uid", event.regarding_uid},
          {"apiVersion", kApiVersion}};
}

ApiJson event_json(const ApiEvent& event, bool core) {
  ApiJson json = {{"kind", "Event"},
                  {"apiVersion", core ? "v1" : "events.k8s.io/v1"},
                  {"metadata",
                   {{"name", event.name},
                    {"namespace", event.regarding.ns},
                    {"uid", event.name},
                    {"resourceVersion", std::to_string(event.version)},
                    {"creationTimestamp", format_time(event.first)}}},
                  {core ? "involvedObject" : "regarding", regarding_json(event)},
                  {"reason", event.reason},
                  {"action", event.action},
                  {core ? "message" : "note", event.note},
                  {"type", event.warning ? "Warning" : "Normal"},
                  {core ? "source" : "deprecatedSource", {{"component", kController}}},
                  {core ? "firstTimestamp" : "deprecatedFirstTimestamp", format_time(event.first)},
                  {core ? "lastTimestamp" : "deprecatedLastTimestamp", format_time(event.last)},
                  {core ? "count" : "deprecatedCount", event.count},
                  {"eventTime", format_micro_time(event.first)},
                  {core ? "reportingComponent" : "reportingController", kController},
                  {"reportingInstance", "ripcord"}};
  if (event.count > 1) {
    json["series"] = {{"count", event.count}, {"lastObservedTime", format_micro_time(event.last)}};
  }
  return json;
}

ApiJson namespace_json(const ApiNamespace& one) {
  return {{"kind", "Namespace"},
          {"apiVersion", "v1"},
          {"metadata",
           {{"name", one.name},
            {"uid", fmt::format("namespace-{}", one.name)},
            {"resourceVersion", std::to_string(one.version)},
            {"creationTimestamp", format_time(one.since)},
            {"labels", labels_of(one)}}},
          {"spec", ApiJson::object()},
          {"status", {{"phase", "Active"}}}};
}

ApiJson metadata_of(const ApiJson& object) {
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", object["metadata"]}};
}

ApiJson version_only(std::int64_t version) {
  return {{"resourceVersion", std::to_string(version)}};
}

// How both are shown: as they are, as metadata, as rows of a table.
struct Shown {
  const std::vector<TableColumn>& columns;
  std::string_view kind;
  std::string_view api_version;
};
struct Item {
  ApiJson object;
  ApiJson cells;
};

ApiJson row_of(Item item, const AnswerForm& form) {
  ApiJson row = {{"cells", std::move(item.cells)}};
  if (form.row_object != RowObject::kNone) {
    row["object"] =
        form.row_object == RowObject::kObject ? std::move(item.object) : metadata_of(item.object);
  }
  return row;
}

std::string show_one(const Shown& shown, Item item, const AnswerForm& form, std::int64_t version) {
  if (form.shape == Shape::kTable) {
    return dump_json(table_json(shown.columns, form.headers,
                                ApiJson::array({row_of(std::move(item), form)}),
                                version_only(version)));
  }
  return dump_json(form.shape == Shape::kMetadata ? metadata_of(item.object) : item.object);
}

std::string show_all(const Shown& shown, std::vector<Item> all, const AnswerForm& form,
                     std::int64_t version) {
  ApiJson items = ApiJson::array();
  for (Item& item : all) {
    items.push_back(form.shape == Shape::kTable      ? row_of(std::move(item), form)
                    : form.shape == Shape::kMetadata ? metadata_of(item.object)
                                                     : std::move(item.object));
  }
  if (form.shape == Shape::kTable) {
    return dump_json(
        table_json(shown.columns, form.headers, std::move(items), version_only(version)));
  }
  const bool whole = form.shape == Shape::kObject;
  return dump_json(
      ApiJson{{"kind", fmt::format("{}List", whole ? shown.kind : "PartialObjectMetadata")},
              {"apiVersion", whole ? shown.api_version : "meta.k8s.io/v1"},
              {"metadata", version_only(version)},
              {"items", std::move(items)}});
}

const std::vector<TableColumn> kNamespaceColumns = {
    {"Name", "string", "name", "Name of the namespace.", 0},
    {"Status", "string", "", "Always Active.", 0},
    {"Age", "string", "", "How long it is known.", 0}};
const std::vector<TableColumn> kEventColumns = {
    {"Last Seen", "string", "", "How long ago it happened last.", 0},
    {"Type", "string", "", "Normal or Warning.", 0},
    {"Reason", "string", "", "What happened, in one word.", 0},
    {"Object", "string", "", "What it is about.", 0},
    {"Subobject", "string", "", "Always empty.", 1},
    {"Source", "string", "", "Who tells it.", 1},
    {"Message", "string", "", "What happened, for a person.", 0},
    {"First Seen", "string", "", "How long ago it happened first.", 1},
    {"Count", "string", "", "How often it happened.", 1},
    {"Name", "string", "name", "Name of the event.", 1}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

Item item_of(const ApiEvent& event, bool core, const AnswerForm& form) {
  return {event_json(event, core),
          {human_age(form.now - event.last), event.warning ? "Warning" : "Normal", event.reason,
           fmt::format("{}/{}", lower(to_string(event.regarding.kind)), event.regarding.name), "",
           kController, event.note, human_age(form.now - event.first), event.count, event.name}};
}

Item item_of(const ApiNamespace& one, const AnswerForm& form) {
  return {namespace_json(one), {one.name, "Active", human_age(form.now - one.since)}};
}

Shown events_shown(bool core) {
  return {kEventColumns, "Event", core ? "v1" : "events.k8s.io/v1"};
}

Shown namespaces_shown() {
  return {kNamespaceColumns, "Namespace", "v1"};
}

}  // namespace

std::string encode_event(const ApiEvent& event, bool core, const AnswerForm& form) {
  return show_one(events_shown(core), item_of(event, core, form), form, event.version);
}

std::string encode_events(const std::vector<ApiEvent>& events, bool core, const AnswerForm& form,
                          std::int64_t version) {
  std::vector<Item> items;
  for (const ApiEvent& event : events) {
    items.push_back(item_of(event, core, form));
  }
  return show_all(events_shown(core), std::move(items), form, version);
}

bool event_field(const ApiEvent& event, std::string_view field, std::string& value) {
  for (const std::string_view prefix : {"involvedObject.", "regarding."}) {
    if (field.starts_with(prefix)) {
      const std::string_view part = field.substr(prefix.size());
      value = part == "name"         ? event.regarding.name
              : part == "namespace"  ? event.regarding.ns
              : part == "kind"       ? std::string(to_string(event.regarding.kind))
              : part == "uid"        ? event.regarding_uid
              : part == "apiVersion" ? std::string(kApiVersion)
                                     : std::string();
      return true;
    }
  }
  const bool known = field == "reason" || field == "type" || field == "metadata.name" ||
                     field == "metadata.namespace" || field == "reportingController";
  value = field == "reason"               ? event.reason
          : field == "type"               ? (event.warning ? "Warning" : "Normal")
          : field == "metadata.name"      ? event.name
          : field == "metadata.namespace" ? event.regarding.ns
                                          : "ripcord.dev/controller";
  return known;
}

std::map<std::string, std::string> labels_of(const ApiNamespace& one) {
  return {{"kubernetes.io/metadata.name", one.name}};
}

std::string encode_namespace(const ApiNamespace& one, const AnswerForm& form) {
  return show_one(namespaces_shown(), item_of(one, form), form, one.version);
}

std::string encode_namespaces(const std::vector<ApiNamespace>& all, const AnswerForm& form,
                              std::int64_t version) {
  std::vector<Item> items;
  for (const ApiNamespace& one : all) {
    items.push_back(item_of(one, form));
  }
  return show_all(namespaces_shown(), std::move(items), form, version);
}

}  // namespace ripcord::codec
