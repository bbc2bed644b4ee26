// SPDX-License-Identifier: Apache-2.0
#pragma once
// A conversation with ripcord-adapter as a text file, one step a line:
//
//   # comment
//   > text        send the text and a line end
//   >- text       send the text without a line end
//   < text        the next line of standard output is exactly this
//   eof           close standard input
//   ! text        standard error has a line with this in it, behind that of the `!` before
//   exit N        the exit code; 0 when the file does not say
//
// In what is sent and expected, {{x*300}} is x repeated, and {{hex FF0A}} are bytes.

#include <string>
#include <vector>

namespace ripcord {

struct ScriptStep {
  enum class Kind { kSend, kExpect, kEof, kDiagnostic, kExit };
  Kind kind = Kind::kSend;
  std::string text;
  int line = 0;
};

// Throws std::runtime_error with file and line.
std::vector<ScriptStep> read_script(const std::string& path);

}  // namespace ripcord
