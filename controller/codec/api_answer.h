// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bodies of the resource API's answers: objects, lists, tables, frames of a watch, Status
// objects. Pure functions.

#include "controller/base/clock.h"
#include "controller/codec/api_catalog.h"
#include "controller/codec/api_write.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// How a client wants objects: as they are, their metadata only, or as rows to print.
enum class Shape { kObject, kMetadata, kTable };
// What a row carries beside its cells.
enum class RowObject { kNone, kMetadata, kObject };

struct ListPage {
  std::int64_t resource_version = 0;
  std::string continue_token;             // empty: this is the last page
  std::optional<std::int64_t> remaining;  // how many follow, where that is known
};

struct AnswerForm {
  Shape shape = Shape::kObject;
  RowObject row_object = RowObject::kMetadata;
  bool headers = true;  // of a table; frames of a watch have them once
  WallTime now{};       // ages are told against it
};

std::string encode_object(const ApiCatalog& catalog, const AnswerForm& form,
                          const Resource& object);
std::string encode_page(const ApiCatalog& catalog, const AnswerForm& form, Kind kind,
                        const std::vector<ResourcePtr>& items, const ListPage& page);

// Lines of a watch, with their newline. `object` is the text of an object.
std::string encode_frame(std::string_view type, std::string_view object);
// `initial_end`: all initial events of a streaming list were sent.
std::string encode_bookmark(const AnswerForm& form, std::string_view kind,
                            std::string_view api_version, std::int64_t version, bool initial_end);

struct FailureDetails {
  std::string name;
  std::string group;
  std::string kind;  // the plural, as Kubernetes has it there; of an invalid object its kind
  std::vector<StatusCause> causes;
  int retry_after_seconds = 0;
  std::string continue_token;  // a fresh one, when the old is Expired
};
// By the status's reason where it is one of Kubernetes', else by its code.
int http_code_of(const Status& status);
std::string encode_failure(const Status& status, const FailureDetails& details);
// What a DELETE answers when the object is gone.
std::string encode_deleted(const Resource& object);

struct DeleteOptions {
  std::string uid;
  std::int64_t resource_version = 0;
  std::string propagation;  // empty, Foreground, Background or Orphan
  bool dry_run = false;
};
// Of a body, which may be empty. BadRequest.
Result<DeleteOptions> read_delete_options(std::string_view body);

// "5s", "3m20s", "47h": an age as kubectl prints it.
std::string human_age(Duration age);

}  // namespace ripcord::codec
