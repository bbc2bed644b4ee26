// SPDX-License-Identifier: Apache-2.0
#pragma once
// A value of type T that cannot be mixed with another id of the same T.

#include <compare>
#include <utility>

namespace ripcord {

template <class Tag, class T>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(T value) : value_(std::move(value)) {}
  const T& value() const { return value_; }
  auto operator<=>(const StrongId&) const = default;

 private:
  T value_{};
};

}  // namespace ripcord
