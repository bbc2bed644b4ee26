// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands of `ripcord`. Each returns the exit code of the process.

#include "controller/app/options.h"

#include <stop_token>
#include <string>

namespace ripcord::app {

// Runs until `stop`: 0, or 1 with the reason on standard error when it cannot start.
int run(const RunOptions& options, std::stop_token stop);
// The same with a home in an API server.
int run_on_cluster(const RunOptions& options, std::stop_token stop, SystemClock& clock,
                   const Logger& log);
// 0: nothing to do; 2: changes; 1: an error in a file or a system that does not answer.
int plan(const PlanOptions& options, std::stop_token stop);
// 0: all valid; 1: not, with an error a line on standard error.
int validate(const ValidateOptions& options);
// `validate --lint`. 0: no finding that is not waived; 2: errors or warnings; 1: a file that cannot
// be read.
int lint(const ValidateOptions& options);
// 0: the backup is in the catalog; 1: not, with the reason on standard error.
int backup(const BackupOptions& options, std::stop_token stop);

std::string version();

}  // namespace ripcord::app
