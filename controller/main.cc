// SPDX-License-Identifier: Apache-2.0
#include "controller/app/commands.h"
#include "controller/app/heap.h"
#include "controller/app/signals.h"

#include <iostream>

namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

}  // namespace

int main(int argc, char** argv) {
  using namespace ripcord::app;
  keep_heap_small();
  auto parsed = parse_options(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) {
    return *code;
  }
  return std::visit(Overload{[](const RunOptions& o) {
                               const StopSignals signals;
                               return run(o, signals.token());
                             },
                             [](const BackupOptions& o) {
                               const StopSignals signals;
                               return backup(o, signals.token());
                             },
                             // The rest changes nothing: a signal may end it anywhere.
                             [](const PlanOptions& o) { return plan(o, {}); },
                             [](const ValidateOptions& o) { return validate(o); },
                             [](const VersionOptions&) {
                               std::cout << "ripcord " << version() << "\n";
                               return 0;
                             }},
                    std::get<Options>(parsed));
}
