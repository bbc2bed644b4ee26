// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the enumerators of the model are written on the wire. `names(T{})` lists them.

#include "controller/model/resource.h"

#include <array>
#include <string_view>
#include <utility>

namespace ripcord::codec {

template <class E>
using NameOf = std::pair<std::string_view, E>;

constexpr auto names(WhenDisabled) {
  return std::array<NameOf<WhenDisabled>, 2>{
      {{"OffVariant", WhenDisabled::kOffVariant}, {"CodeDefault", WhenDisabled::kCodeDefault}}};
}
constexpr auto names(Engine) {
  return std::array<NameOf<Engine>, 3>{{{"PostgreSQL", Engine::kPostgreSql},
                                        {"SQLite", Engine::kSqlite},
                                        {"Simulation", Engine::kSimulation}}};
}
constexpr auto names(DownPolicy) {
  return std::array<NameOf<DownPolicy>, 3>{{{"Approve", DownPolicy::kApprove},
                                            {"Allow", DownPolicy::kAllow},
                                            {"Forbid", DownPolicy::kForbid}}};
}
constexpr auto names(DataLossPolicy) {
  return std::array<NameOf<DataLossPolicy>, 2>{
      {{"Forbid", DataLossPolicy::kForbid}, {"Approve", DataLossPolicy::kApprove}}};
}
constexpr auto names(ProofPolicy) {
  return std::array<NameOf<ProofPolicy>, 3>{{{"Off", ProofPolicy::kOff},
                                             {"Warn", ProofPolicy::kWarn},
                                             {"Require", ProofPolicy::kRequire}}};
}
constexpr auto names(Reversibility) {
  return std::array<NameOf<Reversibility>, 4>{{{"Lossless", Reversibility::kLossless},
                                               {"Lossy", Reversibility::kLossy},
                                               {"Irreversible", Reversibility::kIrreversible},
                                               {"Unproven", Reversibility::kUnproven}}};
}
constexpr auto names(ArchiveFormat) {
  return std::array<NameOf<ArchiveFormat>, 2>{
      {{"csv", ArchiveFormat::kCsv}, {"copy-binary", ArchiveFormat::kCopyBinary}}};
}
constexpr auto names(TransitionPhase) {
  return std::array<NameOf<TransitionPhase>, 6>{{{"Waiting", TransitionPhase::kWaiting},
                                                 {"Backfilling", TransitionPhase::kBackfilling},
                                                 {"Validating", TransitionPhase::kValidating},
                                                 {"Complete", TransitionPhase::kComplete},
                                                 {"Contracted", TransitionPhase::kContracted},
                                                 {"Failed", TransitionPhase::kFailed}}};
}
constexpr auto names(RestoreUnit) {
  return std::array<NameOf<RestoreUnit>, 2>{
      {{"Database", RestoreUnit::kDatabase}, {"Schema", RestoreUnit::kSchema}}};
}
constexpr auto names(RestoreMode) {
  return std::array<NameOf<RestoreMode>, 2>{
      {{"Swap", RestoreMode::kSwap}, {"Drill", RestoreMode::kDrill}}};
}
constexpr auto names(RestorePhase) {
  return std::array<NameOf<RestorePhase>, 8>{{{"Pending", RestorePhase::kPending},
                                              {"Loading", RestorePhase::kLoading},
                                              {"Verifying", RestorePhase::kVerifying},
                                              {"Swapping", RestorePhase::kSwapping},
                                              {"Completed", RestorePhase::kCompleted},
                                              {"Failed", RestorePhase::kFailed},
                                              {"Reverting", RestorePhase::kReverting},
                                              {"Reverted", RestorePhase::kReverted}}};
}
constexpr auto names(ConditionState) {
  return std::array<NameOf<ConditionState>, 3>{{{"True", ConditionState::kTrue},
                                                {"False", ConditionState::kFalse},
                                                {"Unknown", ConditionState::kUnknown}}};
}
constexpr auto names(Trigger) {
  return std::array<NameOf<Trigger>, 3>{{{"Spec", Trigger::kSpec},
                                         {"Override", Trigger::kOverride},
                                         {"Automatic", Trigger::kAutomatic}}};
}

}  // namespace ripcord::codec
