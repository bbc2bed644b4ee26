// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a FeatureFlag says of the files it is written to. Functions for FeatureFlagStrategy; they
// wait for nothing. `writer` is null where there is no cluster: that is told, and nothing else.

#include "controller/policy/feature_flag.h"
#include "controller/strategies/flag_sink_writer.h"

namespace ripcord {

// True once the entries are where spec.sinks says, with the wanted value; not there without sinks.
inline constexpr std::string_view kSinksWritten = "SinksWritten";

// Whether it is, or may be, written to any.
bool has_sinks(const Resource& object);
// The flag is to have `wanted` in its files; null: an entry nowhere.
void want_sinks(FlagSinkWriter* writer, const Resource& object, const FlagValue* wanted,
                std::optional<MonoTime> written);
// Into status: the condition, and where entries are or may be. `wanted` as before.
void show_sinks(const FlagSinkWriter* writer, Resource& object, bool wanted, WallTime now);

}  // namespace ripcord
