// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text <-> model. The only place that knows nlohmann/json and yaml-cpp; neither shows in a header.
// Pure functions, thread-safe. Input is hostile: sizes, depth, aliases, duplicates and encodings
// are bounded and checked.

#include "controller/base/status.h"
#include "controller/model/resource.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

inline constexpr std::size_t kMaxDocumentBytes = 1024 * 1024;
inline constexpr int kMaxDepth = 64;

// One thing that is wrong with a manifest. Lines and columns are 1-based; 0 = not known.
struct ManifestError {
  std::string file;
  int line = 0;
  int column = 0;
  std::string field;    // "spec.enabeld"; empty when the document itself is broken
  std::string message;  // what is wrong and what to write instead
};
// "flags.yaml:4:3: spec.enabeld: unknown field; did you mean 'enabled'?"
// "file:line:column: field: message"; what has no line and no field is left out.
std::string to_string(const ManifestError& error);

// One document that was read without an error.
struct Manifest {
  Resource object;       // defaults filled in
  std::string document;  // its canonical JSON as written (no defaults), for the three-way merge
  std::string file;
  int line = 0;  // where the document starts
};

struct ManifestFile {
  std::vector<Manifest> manifests;
  std::vector<ManifestError> errors;
};

// Reads YAML or JSON (told apart by content): several documents, List kinds. Each document stands
// alone: a bad one adds errors, the others are read. `file` is only used in errors.
ManifestFile read_manifests(std::string_view text, const std::string& file);

// The annotations in which appliers keep what they applied last.
inline constexpr std::string_view kLastApplied = "ripcord.dev/last-applied-configuration";

// Three-way merge, as `kubectl apply` does it: fields of `manifest` win, fields that the last
// applied document had and `manifest` has not are removed, all others of `live` stay. Without
// `live`, the object to create. The result carries `manifest.document` in kLastApplied; write it
// with create() or update(), then nothing is written if nothing changed.
Result<Resource> apply_manifest(const Manifest& manifest, const Resource* live);

// Makes the paths that a manifest names (source.directory, catalog.directory, database.path of
// SQLite, urlFrom.file) relative to the folder of the manifest instead of to the working directory.
// Appliers call it on the result of apply_manifest; `document` keeps them as written.
void resolve_relative_paths(Resource& object, const std::string& manifest_file);

// Canonical JSON of a whole object (apiVersion, kind, metadata, spec, status), compact, and back.
// decode is strict about types and unknown fields.
std::string encode(const Resource& object);
Result<Resource> decode(std::string_view json);
// As decode, and keeps metadata.api_fields, which decode leaves out: those who read many objects of
// a server have no use for them, and they are large.
Result<Resource> decode_stored(std::string_view json);
// Human YAML of the same (every string quoted where needed).
std::string encode_yaml(const Resource& object);

}  // namespace ripcord::codec
