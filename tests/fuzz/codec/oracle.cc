// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/codec/oracle.h"

#include "controller/codec/codec.h"
#include "controller/model/validation.h"

#include <algorithm>

namespace ripcord {
namespace {

std::string manifest_violation(const codec::Manifest& manifest) {
  if (!validate(manifest.object).empty()) {
    return "an object that is not valid was let through";
  }
  const std::string json = codec::encode(manifest.object);
  const Result<Resource> back = codec::decode(json);
  if (!back || !(*back == manifest.object)) {
    return "JSON does not read back as the same object: " + json;
  }
  const std::string yaml = codec::encode_yaml(manifest.object);
  const codec::ManifestFile printed = codec::read_manifests(yaml, "printed.yaml");
  if (printed.manifests.size() != 1 || !(printed.manifests[0].object == manifest.object)) {
    return "YAML does not read back as the same object: " + yaml;
  }
  const Result<Resource> first = codec::apply_manifest(manifest, nullptr);
  if (!first) {
    return {};  // a null that removes something needed
  }
  const Result<Resource> second = codec::apply_manifest(manifest, &*first);
  if (!second || !(*second == *first)) {
    return "applying twice is not the same as once: " + json;
  }
  return {};
}

}  // namespace

std::string codec_violation(std::string_view text, const std::string& file) {
  const codec::ManifestFile result = codec::read_manifests(text, file);
  const auto lines = std::count(text.begin(), text.end(), '\n') + 2;
  for (const codec::ManifestError& error : result.errors) {
    if (error.line < 1 || error.line > lines || error.column < 1 || error.message.empty()) {
      return "an error without its place: " + to_string(error);
    }
  }
  for (const codec::Manifest& manifest : result.manifests) {
    if (std::string violation = manifest_violation(manifest); !violation.empty()) {
      return violation;
    }
  }
  const Result<Resource> decoded = codec::decode(text);
  if (decoded &&
      codec::encode(*codec::decode(codec::encode(*decoded))) != codec::encode(*decoded)) {
    return "encode and decode are not inverse";
  }
  return {};
}

}  // namespace ripcord
