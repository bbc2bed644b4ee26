// SPDX-License-Identifier: Apache-2.0
#pragma once
// Splits a script with a real parser and finds what each statement does. Pure; thread-safe.

#include "controller/base/status.h"
#include "controller/model/database.h"
#include "controller/model/sql_report.h"

#include <string>
#include <vector>

namespace ripcord {

class SqlInspector {
 public:
  virtual ~SqlInspector() = default;
  // What runs. InvalidArgument names the line: what cannot be split, and transaction control. A
  // script without a statement gives an empty list.
  virtual Result<std::vector<SqlStatement>> inspect(Engine engine,
                                                    const std::string& script) const = 0;
  // The same with findings; transaction control is one of them. An inspector without rules finds
  // nothing.
  virtual Result<SqlReport> review(Engine engine, const SqlScript& script) const {
    auto statements = inspect(engine, std::string(script.text));
    if (!statements) {
      return as_return(statements.error());
    }
    return SqlReport{std::move(*statements), {}, {}, 0};
  }
  // Whether a statement of clients names what `loss` is about. What cannot be told counts as yes.
  virtual bool mentions(Engine /*engine*/, const std::string& /*statement*/,
                        const DataLoss& /*loss*/) const {
    return true;
  }
};

}  // namespace ripcord
