// SPDX-License-Identifier: Apache-2.0
#pragma once
// The layouts of migrations, one file each, and what they share, wherever the files are: in a
// directory, in a ConfigMap. A layout is told by the files' names and annotations, never by an
// option. Pure: the files are read already. Stateless, thread-safe.

#include "controller/base/status.h"
#include "controller/model/migration.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

// A file. One that cannot be read, or is too large, hinders nobody who does not
// use it.
struct SourceFile {
  std::string name;  // relative to the place of all
  Result<std::string> bytes;
  Result<std::string> text() const;  // without a byte order mark
};
using SourceFiles = std::vector<SourceFile>;  // by name

class Layout {
 public:
  virtual ~Layout() = default;
  virtual MigrationLayout id() const = 0;
  // What shows that the files have this layout, e.g. "1_a.sql holds `-- migrate:up`"; nothing
  // when nothing does.
  virtual std::optional<std::string> sign(const SourceFiles& files) const = 0;
  // Ascending by version, repeatable ones last. InvalidArgument (reason BadMigration) names the
  // file, and the line where there is one.
  virtual Result<std::vector<Migration>> read(const SourceFiles& files) const = 0;
};

// The layout of `files` with what atlas.sum says of them checked; null where there is no migration.
// InvalidArgument when they are nobody's (BadMigration) or two tools' (AmbiguousLayout).
Result<std::unique_ptr<Layout>> layout_of(const SourceFiles& files);
// What any layout could be about; other files need not be read.
bool may_be_migration(const std::string& name);

std::unique_ptr<Layout> golang_migrate_layout();
std::unique_ptr<Layout> dbmate_layout();
std::unique_ptr<Layout> goose_layout();
std::unique_ptr<Layout> flyway_layout();
std::unique_ptr<Layout> sql_migrate_layout();
// Its sign is atlas.sum, which may lie beside the files of another tool too: that tool's
// annotations win, and check_atlas_sum() holds for them as well.
std::unique_ptr<Layout> atlas_layout();
Status check_atlas_sum(const SourceFiles& files);
// Of each file that atlas.sum lists.
Result<std::map<std::string, std::string>> atlas_hashes(const SourceFiles& files);

// --- what layouts share
Status bad_file(std::string_view file, std::string_view what);  // "FILE: WHAT"
Status bad_line(std::string_view file, std::size_t line, std::string_view what);

// Versions in order, each once; an error names both files of one that is there twice.
class VersionTable {
 public:
  Status add(Migration migration);
  // Refuses names that sort otherwise as text than their versions do: the tool runs them in that
  // order.
  Status check_text_order(MigrationLayout layout) const;
  std::vector<Migration> take();

 private:
  std::map<std::int64_t, Migration> all_;
};

// The number in front of `file`, or InvalidArgument when it has none or it is too large.
Result<std::int64_t> numeric_version(MigrationLayout layout, const std::string& file,
                                     std::string_view digits);

// Puts together a script out of some lines of a file, with empty lines for the others: line numbers
// stay those of the file.
class LineScript {
 public:
  void take(std::string_view line) { text_.append(line).push_back('\n'); }
  void skip() { text_ += '\n'; }
  std::string script() const;  // without the empty lines at its end

 private:
  std::string text_;
};

std::vector<std::string_view> lines_of(std::string_view text);  // without \n and \r\n

// goose's and sql-migrate's splitting: a statement ends with a line whose last word before a
// comment ends in ';', or at StatementEnd. What is left open there, is refused there.
class StatementEnds {
 public:
  void line(std::string_view text, std::size_t number);
  Status begin(std::string_view file, std::size_t number);
  Status end(std::string_view file, std::size_t number);
  // At the end of a section.
  Status closed(std::string_view file) const;

 private:
  std::size_t open_ = 0;   // line of the first text after the last end; 0 = none
  std::size_t block_ = 0;  // line of the StatementBegin that is open
};

}  // namespace ripcord::codec
