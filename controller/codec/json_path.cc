// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/json_path.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '\'' || text.front() == '"') &&
                      text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : std::string_view();
}

}  // namespace

Result<JsonPath> JsonPath::parse(std::string_view text) {
  const auto refuse = [&](std::string_view rest) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the JSON path '{}' is not understood from '{}' on", text, rest));
  };
  JsonPath path;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (rest.front() == '.') {
      const std::size_t end = std::min(rest.find_first_of(".[", 1), rest.size());
      path.steps_.push_back({Step::Kind::kField, std::string(rest.substr(1, end - 1)), {}, 0});
      if (end == 1) {
        return refuse(rest);
      }
      rest.remove_prefix(end);
      continue;
    }
    const std::size_t end = rest.find(']');
    if (rest.front() != '[' || end == std::string_view::npos) {
      return refuse(rest);
    }
    std::string_view inner = rest.substr(1, end - 1);
    Step step;
    if (inner.starts_with("?(@.") && inner.ends_with(")")) {
      inner = inner.substr(4, inner.size() - 5);
      const std::size_t equals = inner.find("==");
      if (equals == std::string_view::npos) {
        return refuse(rest);
      }
      step = {Step::Kind::kFilter, std::string(inner.substr(0, equals)),
              std::string(unquoted(inner.substr(equals + 2))), 0};
    } else if (!unquoted(inner).empty()) {
      step.field = std::string(unquoted(inner));
    } else {
      step.kind = Step::Kind::kIndex;
      const auto [at, failed] =
          std::from_chars(inner.data(), inner.data() + inner.size(), step.index);
      if (failed != std::errc() || at != inner.data() + inner.size()) {
        return refuse(rest);
      }
    }
    path.steps_.push_back(std::move(step));
    rest.remove_prefix(end + 1);
  }
  return path;
}

const Node* JsonPath::find(const Node& document) const {
  const Node* at = &document;
  for (const Step& step : steps_) {
    if (step.kind == Step::Kind::kField) {
      at = at->find(step.field);
    } else if (step.kind == Step::Kind::kIndex) {
      at = step.index < at->items.size() ? &at->items[step.index] : nullptr;
    } else {
      const auto match = std::find_if(at->items.begin(), at->items.end(), [&](const Node& item) {
        const Node* value = item.find(step.field);
        return value != nullptr && value->text == step.value;
      });
      at = match == at->items.end() ? nullptr : &*match;
    }
    if (at == nullptr) {
      return nullptr;
    }
  }
  return at;
}

}  // namespace ripcord::codec
