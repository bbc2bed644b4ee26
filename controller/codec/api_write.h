// SPDX-License-Identifier: Apache-2.0
#pragma once
// The body of a writing request and the live object -> the object to write, as the Kubernetes API
// server does it: unknown fields, defaults, patches, server-side apply, ownership of fields.
// Nothing is written here. Pure functions. Statuses carry Kubernetes' reason ("BadRequest",
// "Invalid", "Conflict").

#include "controller/base/clock.h"
#include "controller/base/status.h"
#include "controller/codec/api_catalog.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

enum class FieldValidation { kIgnore, kWarn, kStrict };
enum class PatchForm { kMerge, kJson };

struct WriteRequest {
  ObjectKey key;        // as in the path; the name is empty for a create
  bool status = false;  // of the status subresource
  std::string manager;  // who owns what is written
  WallTime now{};
  FieldValidation validation = FieldValidation::kWarn;
  bool force = false;       // apply: take fields that others own
  std::string name_suffix;  // create: what follows metadata.generateName
};

// One cause in the details of a Status.
struct StatusCause {
  std::string reason;
  std::string message;
  std::string field;
};

// What is said beside the answer.
struct WriteNotes {
  std::vector<std::string> warnings;
  std::vector<StatusCause> causes;
};

Result<Resource> create_from(const ApiCatalog& catalog, const WriteRequest& request,
                             std::string_view body, WriteNotes& notes);
Result<Resource> replace_from(const ApiCatalog& catalog, const WriteRequest& request,
                              const Resource& live, std::string_view body, WriteNotes& notes);
Result<Resource> patch_from(const ApiCatalog& catalog, const WriteRequest& request, PatchForm form,
                            const Resource& live, std::string_view body, WriteNotes& notes);
// `live` is null when there is no such object: the result is then to be created.
Result<Resource> apply_from(const ApiCatalog& catalog, const WriteRequest& request,
                            const Resource* live, std::string_view body, WriteNotes& notes);

// For who writes to a store past the API: what differs between `live` and `wanted` is `manager`'s
// from now on. Nothing when `live` has no owners: then nobody ever applied it.
void own_direct_change(const Resource& live, Resource& wanted, const std::string& manager,
                       WallTime now);

// "featureflags.ripcord.dev", as messages name a kind.
std::string qualified_plural(Kind kind);

}  // namespace ripcord::codec
