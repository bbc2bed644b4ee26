// SPDX-License-Identifier: Apache-2.0
#pragma once
// Values for the rows that a shadow database is filled with: of every type that PostgreSQL brings,
// such that what a migration does to them shows. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ripcord::postgres {

struct SeedColumn {
  std::string name;
  bool required = false;
  char category = 'X';          // pg_type.typcategory, of what is under a domain
  std::string base_type;        // pg_type.typname, likewise
  int modifier = -1;            // as pg_attribute has it
  std::string type;             // to cast to
  char element_category = 'X';  // of an array or a range
  std::string element;
  std::vector<std::string> words;     // literals of the enum, else of the check constraints
  std::vector<std::int64_t> numbers;  // of the check constraints
  std::string parent;                 // table and column of a foreign key
  std::string referred;
};

// The n-th value as an expression; `wide`: one as large or as long as the type has room for, within
// reason. Empty when none is known.
std::optional<std::string> seed_value(const SeedColumn& column, int n, bool wide);

}  // namespace ripcord::postgres
