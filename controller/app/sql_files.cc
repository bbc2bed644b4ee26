// SPDX-License-Identifier: Apache-2.0
#include "controller/app/sql_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <strings.h>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() > end.size() && text.substr(text.size() - end.size()) == end;
}

// The direction that a line of annotation begins.
std::optional<Direction> begun_by(std::string_view line) {
  struct Mark {
    std::string_view text;
    Direction direction;
  };
  static constexpr auto kMarks = std::to_array<Mark>({{"-- migrate:up", Direction::kUp},
                                                      {"-- migrate:down", Direction::kDown},
                                                      {"-- +goose up", Direction::kUp},
                                                      {"-- +goose down", Direction::kDown},
                                                      {"-- +migrate up", Direction::kUp},
                                                      {"-- +migrate down", Direction::kDown}});
  for (const Mark& mark : kMarks) {
    const bool whole =
        line.size() == mark.text.size() ||
        (line.size() > mark.text.size() &&
         std::string_view(" \t\r;").find(line[mark.text.size()]) != std::string_view::npos);
    if (whole && strncasecmp(line.data(), mark.text.data(), mark.text.size()) == 0) {
      return mark.direction;
    }
  }
  return std::nullopt;
}

Direction direction_by_name(const std::string& name, std::string& migration) {
  if (ends_with(name, ".down.sql")) {
    migration = name.substr(0, name.size() - 9);
    return Direction::kDown;
  }
  if (ends_with(name, ".up.sql")) {
    migration = name.substr(0, name.size() - 7);
    return Direction::kUp;
  }
  // V1.2__name.sql and its undo, U1.2__name.sql.
  const bool flyway = name.size() > 1 && (name[0] == 'U' || name[0] == 'V') && is_digit(name[1]) &&
                      name.find("__") != std::string::npos;
  migration = flyway ? name.substr(1, name.find("__") - 1) : name;
  return flyway && name[0] == 'U' ? Direction::kDown : Direction::kUp;
}

// Numbers by value: 9_x before 10_x.
bool runs_before(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) {
        return a[i] < b[j];
      }
      ++i, ++j;
      continue;
    }
    const auto number = [](const std::string& text, std::size_t& at) {
      at = std::min(text.find_first_not_of('0', at), text.size());
      const std::size_t begin = at;
      while (at < text.size() && is_digit(text[at])) {
        ++at;
      }
      return text.substr(begin, at - begin);
    };
    const std::string x = number(a, i), y = number(b, j);
    if (x != y) {
      return x.size() != y.size() ? x.size() < y.size() : x < y;
    }
  }
  return a.size() - i < b.size() - j;
}

Status add_path(const std::string& path, std::vector<std::string>& files) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) {
    if (!fs::exists(path, failed)) {
      return {StatusCode::kNotFound, path + ": no such file or directory"};
    }
    files.push_back(fs::path(path).lexically_normal().string());
    return {};
  }
  std::vector<std::string> found;
  for (fs::recursive_directory_iterator it(path, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().extension() == ".sql" && it->is_regular_file(failed)) {
      found.push_back(it->path().lexically_normal().string());
    }
  }
  if (failed) {
    return {StatusCode::kUnavailable, fmt::format("{}: {}", path, failed.message())};
  }
  std::sort(found.begin(), found.end(), runs_before);
  files.insert(files.end(), found.begin(), found.end());
  return {};
}

}  // namespace

std::vector<SqlHalf> halves_of(const std::string& file, const std::string& text) {
  SqlHalf half{file, Direction::kUp, {}, {}};
  half.direction = direction_by_name(fs::path(file).filename().string(), half.migration);
  half.migration = (fs::path(file).parent_path() / half.migration).string();
  std::string blank = text;
  std::replace_if(
      blank.begin(), blank.end(), [](char c) { return c != '\n'; }, ' ');
  SqlHalf up = half, down = half;
  up.text = down.text = blank;
  up.direction = Direction::kUp;
  down.direction = Direction::kDown;
  bool marked = false;
  SqlHalf* current = &up;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (const auto direction = begun_by(std::string_view(text).substr(begin, end - begin))) {
      marked = true;
      current = *direction == Direction::kUp ? &up : &down;
    }
    current->text.replace(begin, end - begin, text, begin, end - begin);
    begin = end + 1;
  }
  if (!marked) {
    half.text = text;
    return {half};
  }
  return {up, down};
}

Result<std::vector<SqlHalf>> read_sql_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    RETURN_IF_ERROR(add_path(path, files));
  }
  if (files.empty()) {
    return error(StatusCode::kInvalidArgument,
                 "no SQL file found; name files, or directories with *.sql");
  }
  std::vector<SqlHalf> halves;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    if (!in.good()) {
      return error(StatusCode::kUnavailable, file + ": cannot be read");
    }
    if (text.rfind("\xEF\xBB\xBF", 0) == 0) {
      text.erase(0, 3);
    }
    for (SqlHalf& half : halves_of(file, text)) {
      halves.push_back(std::move(half));
    }
  }
  return halves;
}

}  // namespace ripcord::app
