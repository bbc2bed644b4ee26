// SPDX-License-Identifier: Apache-2.0
// POST, PUT and PATCH.
#include "adapters/apiserver/service_state.h"
#include "controller/ports/object_rules.h"

#include <functional>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

constexpr int kTries = 5;

enum class PatchKind { kMerge, kJson, kApply };

struct Writing {
  codec::WriteRequest request;
  codec::WriteNotes notes;
  bool dry_run = false;
};

Result<Writing> writing_of(ServiceState& state, const Call& call) {
  Writing writing;
  ASSIGN_OR_RETURN(writing.request,
                   write_request(call.request, call.query, call.target, state.clock.wall_now()));
  ASSIGN_OR_RETURN(writing.dry_run, dry_run(call.query));
  return writing;
}

ServedResponse refused(const Status& status, const Call& call, codec::WriteNotes& notes) {
  codec::FailureDetails details;
  details.causes = std::move(notes.causes);
  return failure(status, call.target, std::move(details));
}

ServedResponse written(ServiceState& state, const Call& call, const Resource& object,
                       const codec::WriteNotes& notes, int code) {
  const codec::AnswerForm form = form_of(call.request, call.query, state.clock.wall_now());
  ServedResponse response = answer(code, codec::encode_object(state.catalog, form, object));
  for (const std::string& warning : notes.warnings) {
    std::string quoted;
    for (const char c : warning) {
      quoted += c == '"' || c == '\\' ? "\\" : "";
      quoted += c >= 0x20 && c < 0x7f ? c : '?';
    }
    response.headers.emplace_back("Warning", fmt::format("299 - \"{}\"", quoted));
  }
  return response;
}

// What the write would leave, without making it.
Result<ResourcePtr> rehearse(ServiceState& state, const ObjectWrite& write) {
  const Result<ResourcePtr> live = state.store.get(write.key);
  if (!live && live.error().code() != StatusCode::kNotFound) {
    return live;
  }
  const WriteStamp stamp{live ? (*live)->meta.resource_version : 0, state.clock.wall_now(),
                         new_uid()};
  ASSIGN_OR_RETURN(const WriteDecision decision,
                   decide_write(write, live ? *live : ResourcePtr(), stamp));
  return decision.result;
}

Result<ResourcePtr> create(ServiceState& state, const Resource& object, bool dry_run) {
  return dry_run ? rehearse(state, create_of(object)) : state.store.create(object);
}

Result<ResourcePtr> update(ServiceState& state, const Resource& object, const Writing& writing) {
  if (writing.dry_run) {
    return rehearse(state, writing.request.status ? status_update_of(object) : update_of(object));
  }
  return writing.request.status ? state.store.update_status(object) : state.store.update(object);
}

// A suffix of metadata.generateName: letters that make no words.
std::string random_suffix() {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  const std::string uid = new_uid();
  std::string suffix;
  for (std::size_t i = 24; i < 34; i += 2) {
    const std::size_t value = static_cast<std::size_t>(std::stoul(uid.substr(i, 2), nullptr, 16));
    suffix += kLetters[value % kLetters.size()];
  }
  return suffix;
}

std::optional<PatchKind> patch_kind(const ServedRequest& request) {
  const std::string type = header(request, "content-type");
  const std::string media = type.substr(0, type.find(';'));
  if (media == "application/merge-patch+json") {
    return PatchKind::kMerge;
  }
  if (media == "application/json-patch+json") {
    return PatchKind::kJson;
  }
  return media == "application/apply-patch+yaml" ? std::optional(PatchKind::kApply) : std::nullopt;
}

Result<Resource> patched(ServiceState& state, const Call& call, PatchKind kind, Writing& writing,
                         const Resource* live) {
  writing.notes = {};
  if (kind == PatchKind::kApply) {
    return codec::apply_from(state.catalog, writing.request, live, call.request.body,
                             writing.notes);
  }
  const codec::PatchForm form =
      kind == PatchKind::kJson ? codec::PatchForm::kJson : codec::PatchForm::kMerge;
  Result<Resource> result = codec::patch_from(state.catalog, writing.request, form, *live,
                                              call.request.body, writing.notes);
  if (!result && writing.notes.causes.empty() && result.error().reason() == "Invalid") {
    // Of an invalid object kubectl shows the causes alone.
    writing.notes.causes.push_back({"FieldValueInvalid", result.error().message(), "patch"});
  }
  return result;
}

}  // namespace

ServedResponse serve_create(ServiceState& state, const Call& call) {
  Result<Writing> writing = writing_of(state, call);
  if (!writing) {
    return failure(writing.error(), call.target);
  }
  writing->request.name_suffix = random_suffix();
  const Result<Resource> object =
      codec::create_from(state.catalog, writing->request, call.request.body, writing->notes);
  if (!object) {
    return refused(object.error(), call, writing->notes);
  }
  const Result<ResourcePtr> made = create(state, *object, writing->dry_run);
  if (!made) {
    Call named = call;
    named.target.name = object->meta.name;
    return store_failure(made.error(), named.target);
  }
  return written(state, call, **made, writing->notes, 201);
}

ServedResponse serve_put(ServiceState& state, const Call& call) {
  Result<Writing> writing = writing_of(state, call);
  if (!writing) {
    return failure(writing.error(), call.target);
  }
  const Result<ResourcePtr> live = state.store.get(call.target.key());
  if (!live) {
    return store_failure(live.error(), call.target);
  }
  const Result<Resource> object = codec::replace_from(state.catalog, writing->request, **live,
                                                      call.request.body, writing->notes);
  if (!object) {
    return refused(object.error(), call, writing->notes);
  }
  const Result<ResourcePtr> stored = update(state, *object, *writing);
  return stored ? written(state, call, **stored, writing->notes, 200)
                : store_failure(stored.error(), call.target);
}

// Without a resourceVersion in the patch, a concurrent write is no conflict: the patch is made anew
// from what it left.
ServedResponse serve_patch(ServiceState& state, const Call& call) {
  const std::optional<PatchKind> kind = patch_kind(call.request);
  if (!kind) {
    return failure({StatusCode::kInvalidArgument,
                    "the body of the request was in an unknown format - accepted media types "
                    "include: application/json-patch+json, application/merge-patch+json, "
                    "application/apply-patch+yaml",
                    "UnsupportedMediaType"});
  }
  Result<Writing> writing = writing_of(state, call);
  if (!writing) {
    return failure(writing.error(), call.target);
  }
  if (*kind == PatchKind::kApply && text_of(call.query, "fieldManager").empty()) {
    return failure({StatusCode::kInvalidArgument,
                    "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
                    "required for apply patch",
                    "Invalid"});
  }
  for (int tries = kTries;; --tries) {
    const Result<ResourcePtr> live = state.store.get(call.target.key());
    const bool absent = !live && live.error().code() == StatusCode::kNotFound;
    const bool creates = absent && *kind == PatchKind::kApply && !call.target.status;
    if (!live && !creates) {
      return store_failure(live.error(), call.target);
    }
    const Result<Resource> object =
        patched(state, call, *kind, *writing, creates ? nullptr : live->get());
    if (!object) {
      return refused(object.error(), call, writing->notes);
    }
    const Result<ResourcePtr> stored =
        creates ? create(state, *object, writing->dry_run) : update(state, *object, *writing);
    if (stored) {
      return written(state, call, **stored, writing->notes, creates ? 201 : 200);
    }
    const StatusCode code = stored.error().code();
    const bool lost_race =
        creates ? code == StatusCode::kAlreadyExists
                : code == StatusCode::kConflict &&
                      object->meta.resource_version == (*live)->meta.resource_version;
    if (!lost_race || tries == 0) {
      return store_failure(stored.error(), call.target);
    }
  }
}

}  // namespace ripcord::apiserver
