// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the answer of a database says about a validation of a transition: the same words for every
// engine. Pure.

#include "controller/model/transition.h"

#include <optional>
#include <string>

namespace ripcord::codec {

// `answer` of its query: one number as text. Empty: it is within min and max; else what is wrong.
std::string judge_number(const TransitionValidation& validation,
                         const std::optional<std::string>& answer);

// `count` of rows that are against a notNull or a pattern; `query` shows them. Empty: none are.
std::string judge_count(const TransitionValidation& validation, const std::string& count,
                        const std::string& query);

}  // namespace ripcord::codec
