// SPDX-License-Identifier: Apache-2.0
#include "adapters/ofrep/answer_text.h"

#include "controller/codec/json_text.h"

namespace ripcord::ofrep {

std::string evaluation_object(const FlagAnswer& answer) {
  std::string body;
  body.reserve(96 + answer.key.size() + answer.value.size() + answer.variant.size());
  body.append("{\"key\":").append(codec::quote_json(answer.key));
  body.append(",\"reason\":").append(codec::quote_json(answer.reason));
  // Without a value the client takes its own default; some clients need the variant to be there
  // whenever there is a value.
  if (!answer.value.empty()) {
    body.append(",\"value\":").append(answer.value);
    body.append(",\"variant\":").append(codec::quote_json(answer.variant));
  }
  return body.append(",\"metadata\":{}}");
}

}  // namespace ripcord::ofrep
