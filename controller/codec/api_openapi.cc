// SPDX-License-Identifier: Apache-2.0
// OpenAPI v3 of our group, from the schemas of the CRDs: what `kubectl explain` shows, and where
// clients see that the server knows dryRun and fieldValidation.
#include "controller/codec/api_json.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kMetaSchemas = "io.k8s.apimachinery.pkg.apis.meta.v1.";
constexpr std::string_view kPath = "apis/ripcord.dev/v1alpha1";
constexpr const char* kGvk = "x-kubernetes-group-version-kind";

std::string meta_ref(std::string_view name) {
  return fmt::format("#/components/schemas/{}{}", kMetaSchemas, name);
}

ApiJson described(ApiJson schema, std::string_view description) {
  schema["description"] = description;
  return schema;
}
ApiJson text(std::string_view description) {
  return {{"description", description}, {"type", "string"}};
}
ApiJson reference(std::string_view name, std::string_view description) {
  return {{"description", description}, {"allOf", ApiJson::array({{{"$ref", meta_ref(name)}}})}};
}
ApiJson list_of(ApiJson items, std::string_view description) {
  return {{"description", description}, {"type", "array"}, {"items", std::move(items)}};
}
ApiJson map_of_texts(std::string_view description) {
  return {{"description", description},
          {"type", "object"},
          {"additionalProperties", {{"type", "string"}}}};
}
ApiJson object(std::string_view description, ApiJson properties) {
  return {{"description", description}, {"type", "object"}, {"properties", std::move(properties)}};
}

ApiJson gvk_of(std::string_view kind) {
  return {{"group", kApiGroup}, {"kind", kind}, {"version", "v1alpha1"}};
}

ApiJson object_meta() {
  const ApiJson number = {{"type", "integer"}, {"format", "int64"}};
  return object(
      "What every object has: names, versions, times, labels and annotations.",
      {{"name", text("Name of the object, unique in its namespace. It cannot be changed.")},
       {"generateName", text("Prefix of a name that the server completes, when name is empty.")},
       {"namespace", text("Where the name is unique.")},
       {"uid", text("Identifies this object among all that ever had its name. Set by the server.")},
       {"resourceVersion",
        text("Version of the stored object. An update has to name the one it read.")},
       {"generation", described(number, "Counts the changes of spec. Set by the server.")},
       {"creationTimestamp", reference("Time", "When it was created. Set by the server.")},
       {"deletionTimestamp",
        reference("Time", "When its deletion was asked for. Set by the server.")},
       {"deletionGracePeriodSeconds", described(number, "Not used.")},
       {"labels", map_of_texts("Pairs by which objects are selected.")},
       {"annotations", map_of_texts("Pairs that tools keep with the object.")},
       {"finalizers", list_of({{"type", "string"}}, "Who has work to do before it may go.")},
       {"ownerReferences",
        list_of({{"$ref", meta_ref("OwnerReference")}}, "Objects that this one belongs to.")},
       {"managedFields",
        list_of({{"$ref", meta_ref("ManagedFieldsEntry")}}, "Who owns which fields.")},
       {"selfLink", text("Not used.")}});
}

ApiJson meta_schemas() {
  const ApiJson yes_or_no = {{"type", "boolean"}};
  ApiJson schemas = ApiJson::object();
  const auto add = [&](std::string_view name, ApiJson schema) {
    schemas[fmt::format("{}{}", kMetaSchemas, name)] = std::move(schema);
  };
  add("ObjectMeta", object_meta());
  add("Time", {{"description", "RFC 3339, in UTC."}, {"type", "string"}, {"format", "date-time"}});
  ApiJson owner =
      object("An object that this one belongs to.", {{"apiVersion", text("Its API version.")},
                                                     {"kind", text("Its kind.")},
                                                     {"name", text("Its name.")},
                                                     {"uid", text("Its uid.")},
                                                     {"controller", yes_or_no},
                                                     {"blockOwnerDeletion", yes_or_no}});
  owner["required"] = {"apiVersion", "kind", "name", "uid"};
  add("OwnerReference", std::move(owner));
  add("FieldsV1",
      {{"description", "A set of fields, as a tree of path elements."}, {"type", "object"}});
  add("ManagedFieldsEntry",
      object("The fields that one manager owns.",
             {{"manager", text("Who.")},
              {"operation", text("Apply or Update.")},
              {"apiVersion", text("The version the fields are of.")},
              {"time", reference("Time", "When they changed last.")},
              {"fieldsType", text("FieldsV1.")},
              {"fieldsV1", reference("FieldsV1", "The fields.")},
              {"subresource", text("status, when they were written there.")}}));
  add("ListMeta", object("What every list has.",
                         {{"resourceVersion", text("Version of the snapshot.")},
                          {"continue", text("Names the next page.")},
                          {"remainingItemCount", {{"type", "integer"}, {"format", "int64"}}}}));
  add("Patch", {{"description", "A merge patch, a JSON patch or a configuration to apply."},
                {"type", "object"}});
  return schemas;
}

ApiJson kind_schema(const KindEntry& entry, Kind kind) {
  ApiJson schema = parse_own(to_json(entry.openapi));
  schema["properties"]["metadata"] =
      reference("ObjectMeta", "Name, namespace, labels and annotations.");
  schema[kGvk] = ApiJson::array({gvk_of(to_string(kind))});
  return schema;
}

std::string schema_name(Kind kind) {
  return fmt::format("dev.ripcord.v1alpha1.{}", to_string(kind));
}

ApiJson list_schema(Kind kind) {
  const std::string item = fmt::format("#/components/schemas/{}", schema_name(kind));
  ApiJson schema = object(fmt::format("A list of {} objects.", to_string(kind)),
                          {{"apiVersion", text("The API version.")},
                           {"kind", text("The kind of the list.")},
                           {"metadata", reference("ListMeta", "Version and paging.")},
                           {"items", list_of({{"$ref", item}}, "The objects.")}});
  schema["required"] = {"items"};
  schema[kGvk] = ApiJson::array({gvk_of(fmt::format("{}List", to_string(kind)))});
  return schema;
}

ApiJson parameter(std::string_view name, std::string_view where, std::string_view type) {
  ApiJson json = {
      {"name", name}, {"in", where}, {"schema", {{"type", type}, {"uniqueItems", true}}}};
  if (where == "path") {
    json["required"] = true;
  }
  return json;
}

ApiJson query_parameters(std::string_view action) {
  ApiJson list = ApiJson::array();
  const auto add = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      list.push_back(parameter(name, "query", "string"));
    }
  };
  if (action == "post" || action == "put" || action == "patch") {
    add({"dryRun", "fieldManager", "fieldValidation"});
  }
  if (action == "patch") {
    list.push_back(parameter("force", "query", "boolean"));
  }
  if (action == "list") {
    add({"continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
         "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch"});
  }
  if (action == "delete") {
    add({"dryRun", "propagationPolicy"});
  }
  return list;
}

ApiJson operation(Kind kind, std::string_view action) {
  const std::string ref =
      fmt::format("#/components/schemas/{}{}", schema_name(kind), action == "list" ? "List" : "");
  const ApiJson content = {{"application/json", {{"schema", {{"$ref", ref}}}}}};
  ApiJson json = {{"tags", {"ripcordDev_v1alpha1"}},
                  {"parameters", query_parameters(action)},
                  {"responses", {{"200", {{"description", "OK"}, {"content", content}}}}},
                  {"x-kubernetes-action", action},
                  {kGvk, gvk_of(to_string(kind))}};
  if (action == "post" || action == "put") {
    json["requestBody"] = {{"content", content}};
  } else if (action == "patch") {
    const ApiJson patch = {{"schema", {{"$ref", meta_ref("Patch")}}}};
    json["requestBody"] = {{"content",
                            {{"application/json-patch+json", patch},
                             {"application/merge-patch+json", patch},
                             {"application/apply-patch+yaml", patch}}}};
  }
  return json;
}

ApiJson path_item(Kind kind, std::initializer_list<std::pair<const char*, const char*>> operations,
                  bool named) {
  ApiJson item = ApiJson::object();
  for (const auto& [method, action] : operations) {
    item[method] = operation(kind, action);
  }
  item["parameters"] = ApiJson::array({parameter("namespace", "path", "string")});
  if (named) {
    item["parameters"].push_back(parameter("name", "path", "string"));
  }
  return item;
}

void add_paths(ApiJson& paths, Kind kind) {
  const std::string collection =
      fmt::format("/{}/namespaces/{{namespace}}/{}", kPath, plural(kind));
  paths[fmt::format("/{}/{}", kPath, plural(kind))] = {{"get", operation(kind, "list")}};
  paths[collection] =
      path_item(kind, {{"get", "list"}, {"post", "post"}, {"delete", "deletecollection"}}, false);
  paths[collection + "/{name}"] = path_item(
      kind, {{"get", "get"}, {"put", "put"}, {"patch", "patch"}, {"delete", "delete"}}, true);
  paths[collection + "/{name}/status"] =
      path_item(kind, {{"get", "get"}, {"put", "put"}, {"patch", "patch"}}, true);
}

// FNV-1a: names a version of the text, keeps no secret.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return fmt::format("{:016X}", hash);
}

}  // namespace

OpenApi open_api(const ApiCatalog& catalog) {
  ApiJson schemas = meta_schemas();
  ApiJson paths = ApiJson::object();
  for (const Kind kind : kAllKinds) {
    schemas[schema_name(kind)] = kind_schema(catalog.parts().of(kind), kind);
    schemas[schema_name(kind) + "List"] = list_schema(kind);
    add_paths(paths, kind);
  }
  OpenApi api;
  api.document = dump_json(ApiJson{{"openapi", "3.0.0"},
                                   {"info", {{"title", "Ripcord"}, {"version", "v1alpha1"}}},
                                   {"paths", std::move(paths)},
                                   {"components", {{"schemas", std::move(schemas)}}}});
  api.hash = hash_of(api.document);
  api.index = dump_json(ApiJson{
      {"paths",
       {{kPath,
         {{"serverRelativeURL", fmt::format("/openapi/v3/{}?hash={}", kPath, api.hash)}}}}}});
  return api;
}

}  // namespace ripcord::codec
