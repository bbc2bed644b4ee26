// SPDX-License-Identifier: Apache-2.0
// The least that can be done: read a line, parse it, print a reply, flush.
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    const nlohmann::ordered_json message = nlohmann::ordered_json::parse(line);
    const nlohmann::ordered_json reply = {{"type", "feature_disabled"},
                                          {"in_reply_to", message["body"]["msg_id"]},
                                          {"feature", message["body"]["feature"]},
                                          {"rolled_back_instant", true}};
    std::cout << reply.dump() << std::endl;
  }
}
