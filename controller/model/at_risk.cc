// SPDX-License-Identifier: Apache-2.0
#include "controller/model/at_risk.h"

#include "controller/base/time_text.h"

#include <fmt/format.h>

namespace ripcord {

bool is_by_foreign_key(const DataAtRisk& risk) {
  return risk.what.find(kByForeignKey) != std::string::npos;
}

std::string describe(const DataAtRisk& risk) {
  std::string text = risk.what + ":";
  if (risk.rows) {
    text += fmt::format(" {}{} row{}", risk.at_most ? "at most " : "", *risk.rows,
                        *risk.rows == 1 ? "" : "s");
  }
  if (risk.newest) {
    text += ", the newest of " + format_time(*risk.newest);
  }
  if (!risk.note.empty()) {
    text += (risk.rows ? " (" : " ") + risk.note + (risk.rows ? ")" : "");
  }
  return text;
}

}  // namespace ripcord
