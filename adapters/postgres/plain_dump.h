// SPDX-License-Identifier: Apache-2.0
#pragma once
// What must be known of a plain SQL dump before psql reads it: psql would obey a \connect or a \!
// in it. A function over a file; reads it once.

#include "controller/base/status.h"

#include <stop_token>
#include <string>

namespace ripcord::postgres {

struct PlainDump {
  bool restricts_itself = false;  // has pg_dump's own \restrict
};

// InvalidArgument names file and line: a psql command other than \restrict and \unrestrict; or a
// pg_dump file without its last line (it was cut short).
Result<PlainDump> inspect_plain_dump(const std::string& name, const std::string& path,
                                     const std::stop_token& stop);

}  // namespace ripcord::postgres
