// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/inspector.h"
#include "adapters/sqlite/inspector.h"
#include "controller/app/commands.h"
#include "controller/app/sql_files.h"
#include "controller/codec/sarif.h"
#include "controller/policy/migration_phase.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

using codec::LintedFile;

struct Tally {
  std::size_t statements = 0;
  int errors = 0;
  int warnings = 0;
  int notes = 0;
  int waived = 0;
};

void count(const SqlFinding& finding, Tally& tally) {
  int& kind = finding.waived                              ? tally.waived
              : finding.severity == SqlSeverity::kError   ? tally.errors
              : finding.severity == SqlSeverity::kWarning ? tally.warnings
                                                          : tally.notes;
  ++kind;
}

// A script that cannot even be split is a finding of its first line.
SqlReport refused(const Status& status) {
  SqlReport report;
  report.findings.push_back(
      {find_sql_rule("not-understood")->id, SqlSeverity::kError, 1, 1, status.message(), {}});
  return report;
}

// What a phase adds to the findings of an up, and which it is.
struct PhaseNote {
  std::string file;
  MigrationPhase phase;
  bool declared = false;
};

SqlFinding finding_of(std::string_view rule, std::int32_t line, std::string message) {
  return {find_sql_rule(rule)->id, SqlSeverity::kError, line, 1, std::move(message), {}};
}

// By position, as the others are.
void add_finding(SqlReport& report, SqlFinding finding) {
  const auto at = std::find_if(report.findings.begin(), report.findings.end(),
                               [&](const SqlFinding& each) { return each.line > finding.line; });
  report.findings.insert(at, std::move(finding));
}

std::optional<PhaseNote> look_at_phase(const std::string& file, SqlReport& report) {
  const auto declared = declared_phase(report.phase_marks);
  if (!declared) {
    add_finding(report, finding_of("bad-phase", report.phase_marks.back().line,
                                   declared.error().message()));
    return std::nullopt;
  }
  const auto phase = *declared ? *declared : inferred_phase(report.statements);
  const auto fault =
      *declared == MigrationPhase::kExpand ? expand_fault(report.statements) : std::nullopt;
  if (fault) {
    add_finding(report,
                finding_of(fault->reason == "NotAdditive" ? "not-additive" : "not-idempotent",
                           fault->line, fault->message));
  }
  return phase ? std::optional(PhaseNote{file, *phase, declared->has_value()}) : std::nullopt;
}

class Linter {
 public:
  Linter(const SqlInspector& inspector, Engine engine) : inspector_(inspector), engine_(engine) {}

  void look(const std::vector<SqlHalf>& halves) {
    for (const SqlHalf& half : halves) {
      if (half.direction == Direction::kUp) {
        ups_[half.migration] = &half.text;
      }
    }
    for (const SqlHalf& half : halves) {
      add(half);
    }
  }
  const std::vector<LintedFile>& files() const { return files_; }
  const Tally& tally() const { return tally_; }
  const std::vector<PhaseNote>& phases() const { return phases_; }

 private:
  void add(const SqlHalf& half) {
    SqlScript script{half.text, half.direction, {}, {}};
    if (half.direction == Direction::kDown) {
      const auto up = ups_.find(half.migration);
      script.up = up == ups_.end() ? std::string_view{} : std::string_view(*up->second);
    }
    if (engine_ == Engine::kSqlite) {
      script.before = before_;
    }
    const auto reviewed = inspector_.review(engine_, script);
    SqlReport report = reviewed ? *reviewed : refused(reviewed.error());
    if (reviewed && half.direction == Direction::kUp) {
      if (auto note = look_at_phase(half.file, report)) {
        phases_.push_back(std::move(*note));
      }
    }
    if (files_.empty() || files_.back().path != half.file) {
      files_.push_back({half.file, {}});
    }
    for (const SqlFinding& finding : report.findings) {
      count(finding, tally_);
      files_.back().findings.push_back(finding);
    }
    tally_.statements += report.statements.size();
    if (reviewed && half.direction == Direction::kUp && engine_ == Engine::kSqlite) {
      before_ = {report.schema};
    }
  }

  const SqlInspector& inspector_;
  Engine engine_;
  std::map<std::string, const std::string*> ups_;
  std::vector<std::string> before_;
  std::vector<LintedFile> files_;
  std::vector<PhaseNote> phases_;
  Tally tally_;
};

bool shown(const SqlFinding& finding, bool notes) {
  return !finding.waived && (notes || finding.severity != SqlSeverity::kNote);
}

void print_text(const Linter& linter, bool notes) {
  for (const LintedFile& file : linter.files()) {
    for (const SqlFinding& finding : file.findings) {
      if (shown(finding, notes)) {
        std::cout << fmt::format("{}:{}:{}: {}: {} [{}]\n", file.path, finding.line, finding.column,
                                 to_string(finding.severity), finding.message, finding.rule);
      }
    }
  }
  for (const PhaseNote& note : linter.phases()) {
    if (note.declared || notes) {
      std::cout << fmt::format("{}: {}{}\n", note.file, to_string(note.phase),
                               note.declared ? "" : " (inferred)");
    }
  }
  const Tally& tally = linter.tally();
  std::cout << fmt::format("{} files, {} statements: {} errors, {} warnings, {} waived, {} notes\n",
                           linter.files().size(), tally.statements, tally.errors, tally.warnings,
                           tally.waived, tally.notes);
}

// The runner reads commands from the log line by line.
std::string escaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    const bool hidden = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    out += hidden ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

void print_github(const Linter& linter, bool notes) {
  for (const LintedFile& file : linter.files()) {
    for (const SqlFinding& finding : file.findings) {
      if (shown(finding, notes)) {
        const bool note = finding.severity == SqlSeverity::kNote;
        std::cout << fmt::format("::{} file={},line={},col={},title={}::{}\n",
                                 note ? "notice" : to_string(finding.severity),
                                 escaped(file.path, true), finding.line, finding.column,
                                 escaped(finding.rule, true), escaped(finding.message, false));
      }
    }
  }
}

}  // namespace

int lint(const ValidateOptions& options) {
  const auto halves = read_sql_files(options.files);
  if (!halves) {
    std::cerr << halves.error().message() << "\n";
    return 1;
  }
  const pgquery::PostgresInspector postgres;
  const sqlite::SqliteInspector sqlite;
  const bool lite = options.engine == "sqlite";
  Linter linter(lite ? static_cast<const SqlInspector&>(sqlite) : postgres,
                lite ? Engine::kSqlite : Engine::kPostgreSql);
  linter.look(*halves);
  if (options.output == "sarif") {
    std::cout << codec::sarif_text(linter.files(), version());
  } else if (options.output == "github") {
    print_github(linter, options.notes);
  } else {
    print_text(linter, options.notes);
  }
  return linter.tally().errors + linter.tally().warnings > 0 ? 2 : 0;
}

}  // namespace ripcord::app
