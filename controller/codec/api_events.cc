// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/api_events.h"

#include "controller/base/time_text.h"
#include "controller/codec/api_json.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kSource = "ripcord";

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
                  {core ? "source" : "deprecatedSource", {{"component", kSource}}},
                  {core ? "firstTimestamp" : "deprecatedFirstTimestamp", format_time(event.first)},
                  {core ? "lastTimestamp" : "deprecatedLastTimestamp", format_time(event.last)},
                  {core ? "count" : "deprecatedCount", event.count},
                  {"eventTime", format_micro_time(event.first)},
                  {core ? "reportingComponent" : "reportingController", "ripcord.dev/controller"},
                  {"reportingInstance", kSource}};
  if (event.count > 1) {
    json["series"] = {{"count", event.count}, {"lastObservedTime", format_micro_time(event.last)}};
  }
  return json;
}

ApiJson namespace_json(std::string_view name, WallTime since) {
  return {{"kind", "Namespace"},
          {"apiVersion", "v1"},
          {"metadata",
           {{"name", name},
            {"uid", fmt::format("namespace-{}", name)},
            {"resourceVersion", "1"},
            {"creationTimestamp", format_time(since)},
            {"labels", {{"kubernetes.io/metadata.name", name}}}}},
          {"spec", ApiJson::object()},
          {"status", {{"phase", "Active"}}}};
}

ApiJson list_json(std::string_view version, std::string_view kind, std::int64_t at, ApiJson items) {
  return {{"kind", kind},
          {"apiVersion", version},
          {"metadata", {{"resourceVersion", std::to_string(at)}}},
          {"items", std::move(items)}};
}

ApiJson table_row(ApiJson cells, const ApiJson& object) {
  return {{"cells", std::move(cells)},
          {"object",
           {{"kind", "PartialObjectMetadata"},
            {"apiVersion", "meta.k8s.io/v1"},
            {"metadata", object["metadata"]}}}};
}

ApiJson namespace_row(const ApiJson& object, const AnswerForm& form, WallTime since) {
  return table_row({object["metadata"]["name"], "Active", human_age(form.now - since)}, object);
}

const std::vector<TableColumn> kNamespaceColumns = {
    {"Name", "string", "name", "Name of the namespace.", 0},
    {"Status", "string", "", "Always Active.", 0},
    {"Age", "string", "", "How long this process runs.", 0}};
const std::vector<TableColumn> kEventColumns = {
    {"Last Seen", "string", "", "How long ago it happened last.", 0},
    {"Type", "string", "", "Normal or Warning.", 0},
    {"Reason", "string", "", "What happened, in one word.", 0},
    {"Object", "string", "", "What it is about.", 0},
    {"Message", "string", "", "What happened, for a person.", 0}};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

ApiJson event_row(const ApiEvent& event, const AnswerForm& form) {
  return table_row(
      {human_age(form.now - event.last), event.warning ? "Warning" : "Normal", event.reason,
       fmt::format("{}/{}", lower(to_string(event.regarding.kind)), event.regarding.name),
       event.note},
      event_json(event, true));
}

ApiJson version_only(std::int64_t version) {
  return {{"resourceVersion", std::to_string(version)}};
}

}  // namespace

std::string encode_event(const ApiEvent& event, bool core) {
  return dump_json(event_json(event, core));
}

std::string encode_events(const std::vector<ApiEvent>& events, bool core, const AnswerForm& form,
                          std::int64_t version) {
  ApiJson items = ApiJson::array();
  const bool table = form.shape == Shape::kTable;
  for (const ApiEvent& event : events) {
    items.push_back(table ? event_row(event, form) : event_json(event, core));
  }
  return dump_json(
      table ? table_json(kEventColumns, true, std::move(items), version_only(version))
            : list_json(core ? "v1" : "events.k8s.io/v1", "EventList", version, std::move(items)));
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

std::string encode_namespace(std::string_view name, const AnswerForm& form, WallTime since) {
  const ApiJson object = namespace_json(name, since);
  return dump_json(form.shape == Shape::kTable
                       ? table_json(kNamespaceColumns, true,
                                    ApiJson::array({namespace_row(object, form, since)}),
                                    version_only(1))
                       : object);
}

std::string encode_namespaces(const std::vector<std::string>& names, const AnswerForm& form,
                              WallTime since, std::int64_t version) {
  ApiJson items = ApiJson::array();
  const bool table = form.shape == Shape::kTable;
  for (const std::string& name : names) {
    const ApiJson object = namespace_json(name, since);
    items.push_back(table ? namespace_row(object, form, since) : object);
  }
  return dump_json(
      table ? table_json(kNamespaceColumns, true, std::move(items), version_only(version))
            : list_json("v1", "NamespaceList", version, std::move(items)));
}

}  // namespace ripcord::codec
