// SPDX-License-Identifier: Apache-2.0
#pragma once
// A request of the resource API, taken apart: what its path names and what its query and headers
// ask for. Values and pure functions.

#include "controller/codec/api_answer.h"
#include "controller/codec/api_write.h"
#include "controller/ports/http_service.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::apiserver {

using Query = std::map<std::string, std::string>;

Query query_of(std::string_view encoded);
// Decoded segments, empty ones left out.
std::vector<std::string> segments_of(std::string_view path);
// The header in lower case; empty when absent.
std::string header(const ServedRequest& request, const std::string& name);

std::string text_of(const Query& query, const std::string& key);
bool is_true(const Query& query, const std::string& key);
// BadRequest when it is there and no number.
Result<std::int64_t> number_of(const Query& query, const std::string& key, std::int64_t otherwise);

// What a path below /apis/ripcord.dev/v1alpha1 names. `name` is empty for a collection, `ns` is
// empty for all namespaces.
struct Target {
  Kind kind = Kind::kFeatureFlag;
  std::string ns;
  std::string name;
  bool status = false;

  ObjectKey key() const { return {kind, ns, name}; }
};
std::optional<Target> target_of(const std::vector<std::string>& segments);

// The first form of Accept that we have. `now` is for ages.
codec::AnswerForm form_of(const ServedRequest& request, const Query& query, WallTime now);
bool wants_aggregated_discovery(const ServedRequest& request);

// The part of a writing request that is the same for all verbs. BadRequest or Invalid.
Result<codec::WriteRequest> write_request(const ServedRequest& request, const Query& query,
                                          const Target& target, WallTime now);
// dryRun=All; anything else that is not empty is Invalid.
Result<bool> dry_run(const Query& query);

}  // namespace ripcord::apiserver
