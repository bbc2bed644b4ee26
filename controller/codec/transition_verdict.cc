// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/transition_verdict.h"

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::codec {

std::string judge_number(const TransitionValidation& validation,
                         const std::optional<std::string>& answer) {
  char* end = nullptr;
  const double number = answer ? std::strtod(answer->c_str(), &end) : 0;
  if (!answer || end == answer->c_str() || *end != '\0' || std::isnan(number)) {
    return fmt::format("\"{}\" gives {}, where one number was expected", validation.query,
                       answer ? *answer : "no value, or several");
  }
  const bool low = validation.min && number < static_cast<double>(*validation.min);
  const bool high = validation.max && number > static_cast<double>(*validation.max);
  if (!low && !high) {
    return "";
  }
  return fmt::format("\"{}\" gives {}, {} {} {}", validation.query, *answer,
                     low ? "below" : "above", low ? "min" : "max",
                     low ? *validation.min : *validation.max);
}

std::string judge_count(const TransitionValidation& validation, const std::string& count,
                        const std::string& query) {
  if (count == "0") {
    return "";
  }
  const std::string what =
      validation.not_null ? "is NULL" : fmt::format("does not match \"{}\"", validation.pattern);
  return fmt::format("{}.{} {} in {} row{}: {}", validation.table, validation.column, what, count,
                     count == "1" ? "" : "s", query);
}

}  // namespace ripcord::codec
