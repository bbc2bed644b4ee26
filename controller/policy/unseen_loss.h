// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a script destroys by the inspector's word and a trial with made-up rows could not show: that
// nothing was seen to go is then no proof. Pure.

#include "controller/model/schema_trial.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord {

struct UnseenLosses {
  std::vector<std::string> lost;   // "content of public.t.price, by the up (...)"
  std::vector<std::string> blind;  // columns that went with others and looked the same throughout
};

// The script led from `was` to `is`, before any other row came, and all that went was back in the
// end. What is not in `before` the migration made itself: without a row in it there is nothing to
// lose.
UnseenLosses unseen_losses(const std::vector<DataLoss>& losses, const SchemaCatalog& before,
                           const TrialStage& was, const ShadowContent& is, std::string_view by);

// Columns with one and the same value in every row, or NULL in all.
std::vector<std::string> columns_without_difference(const ShadowContent& content);

using ShadowRow = std::vector<std::optional<std::string>>;
// The rows of a table, of these of its columns.
std::multiset<ShadowRow> rows_of(const TableContent& table,
                                 const std::vector<std::size_t>& columns);

// Every value of the one type is one of the other, and comes back the same. As PostgreSQL's
// format_type spells them.
bool keeps_every_value(std::string_view from, std::string_view to);

}  // namespace ripcord
