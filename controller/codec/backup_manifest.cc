// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/backup_manifest.h"

#include "controller/base/sha256.h"
#include "controller/codec/field_reader.h"
#include "controller/codec/field_writer.h"
#include "controller/codec/json_reader.h"

#include <fmt/format.h>

namespace ripcord::codec {

template <class A>
void describe(A& a, TableContents& v) {
  a.required("table", v.table);
  a.required("rows", v.rows);
  a.required("sum", v.sum);
  a.required("schema", v.schema);
}

template <class A>
void describe(A& a, DatabaseContents& v) {
  a.required("schema", v.schema);
  a.required("tables", v.tables);
}

template <class A>
void describe(A& a, BackupFile& v) {
  a.required("path", v.path);
  a.required("bytes", v.bytes);
  a.required("sha256", v.sha256);
}

template <class A>
void describe(A& a, BackupManifest& v) {
  a.required("name", v.name);
  a.required("engine", v.engine);
  a.required("format", v.format);
  a.required("database", v.database);
  a.required("startedAt", v.started_at);
  a.required("endedAt", v.ended_at);
  a.optional("lsn", v.lsn);
  a.required("madeBy", v.made_by);
  a.required("tool", v.tool);
  a.required("server", v.server);
  a.required("serverVersion", v.server_version);
  a.required("databaseBytes", v.database_bytes);
  a.optional("extensions", v.extensions);
  a.optional("roles", v.roles);
  a.required("contents", v.contents);
  a.required("files", v.files);
}

namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::string_view kVersionKey = "ripcordBackup";
constexpr std::string_view kDigestKey = "digest";
// A database of a hundred thousand tables.
constexpr TreeLimits kLimits{8, 2'000'000, 128 * 1024 * 1024};

tl::unexpected<Status> bad(std::string message) {
  return error(StatusCode::kFailedPrecondition, std::move(message), "BadManifest");
}

std::string digest_of(const Node& node) {
  return sha256_hex(to_json(node, KeyOrder::kSorted));
}

}  // namespace

std::string backup_manifest_text(const BackupManifest& manifest) {
  FieldWriter writer;
  describe(writer, const_cast<BackupManifest&>(manifest));  // a writer only looks
  Node node = writer.take();
  node.set(kVersionKey, Node::integer_of(kVersion));
  node.set(kDigestKey, Node::string_of(digest_of(node)));
  return to_json(node) + "\n";
}

Result<BackupManifest> parse_backup_manifest(std::string_view text) {
  JsonValue json = text.find_first_not_of(" \t\r\n") == std::string_view::npos
                       ? JsonValue{}
                       : read_json(text, {1, 1}, kLimits);
  if (!json.root || !json.root->is_map()) {
    return bad(fmt::format("the manifest of the backup is cut short or no JSON object{}",
                           json.problem ? ": " + json.problem->message : ""));
  }
  Node node = std::move(*json.root);
  const Node* version = node.find(kVersionKey);
  if (version == nullptr || version->type != Node::Type::kInteger) {
    return bad("the manifest of the backup was not written by ripcord backup");
  }
  if (version->integer != kVersion) {
    return bad(
        fmt::format("the manifest of the backup is of version {}, and this Ripcord reads "
                    "version {}; use the Ripcord that made the backup, or a later one",
                    version->integer, kVersion));
  }
  const Node* digest = node.find(kDigestKey);
  const std::string wanted = digest != nullptr ? digest->text : "";
  node.erase(kDigestKey);
  if (wanted != digest_of(node)) {
    return bad(
        "the manifest of the backup was changed since it was written; restore another "
        "backup, or take the manifest away to restore without what it proves");
  }
  node.erase(kVersionKey);
  Problems problems;
  BackupManifest manifest;
  FieldReader reader(node, "", problems);
  describe(reader, manifest);
  reader.finish();
  if (!problems.empty()) {
    return bad(fmt::format("the manifest of the backup: {}: {}", problems.front().field,
                           problems.front().message));
  }
  return manifest;
}

}  // namespace ripcord::codec
