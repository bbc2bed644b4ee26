// SPDX-License-Identifier: Apache-2.0
#pragma once
// Findings as SARIF 2.1.0, which code scanning of GitHub, GitLab and Azure DevOps reads. Waived
// findings are there, suppressed "inSource". Pure function, thread-safe.

#include "controller/model/sql_report.h"

#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct LintedFile {
  std::string path;  // as it was named; relative ones are relative to the checkout's root
  std::vector<SqlFinding> findings;
};

std::string sarif_text(const std::vector<LintedFile>& files, std::string_view version);

}  // namespace ripcord::codec
