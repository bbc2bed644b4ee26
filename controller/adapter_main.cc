// SPDX-License-Identifier: Apache-2.0
#include "controller/app/adapter.h"
#include "controller/app/signals.h"

int main(int argc, char** argv) {
  using namespace ripcord::app;
  const auto parsed = parse_adapter_options(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) {
    return *code;
  }
  const StopSignals signals;
  return run_adapter(std::get<AdapterOptions>(parsed), signals.token());
}
