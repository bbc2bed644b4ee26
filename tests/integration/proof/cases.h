// SPDX-License-Identifier: Apache-2.0
#pragma once
// Migrations, and what a proof has to find out about each.

#include "controller/model/proof.h"

#include <ostream>
#include <span>
#include <string_view>

namespace ripcord {

struct Case {
  std::string_view name;
  std::string_view base;  // applied before, unproven
  std::string_view up;
  std::string_view down;
  Reversibility result;
  std::string_view what;  // part of the first finding; empty: no finding
};

inline void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

std::span<const Case> postgres_cases();
std::span<const Case> sqlite_cases();

}  // namespace ripcord
