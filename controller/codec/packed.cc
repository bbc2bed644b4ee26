// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/packed.h"

#include "controller/codec/fields.h"
#include "controller/codec/status_fields.h"

#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace ripcord::codec {
namespace {

// Both walk the fields by `describe`, in its order, and leave out names and nothing else. Numbers
// take as many bytes as they have groups of seven bits, small negative ones too.
class Packer {
 public:
  static constexpr bool kReads = false;

  std::string take() { return std::move(bytes_); }
  void byte(std::uint8_t value) { bytes_ += static_cast<char>(value); }

  template <class T>
  void field(std::string_view, const T& member) {
    write(member);
  }
  template <class T>
  void optional(std::string_view, const T& member) {
    write(member);
  }
  template <class T>
  void required(std::string_view, const T& member) {
    write(member);
  }
  template <class F>
  void group(std::string_view, F&& describe_group) {
    describe_group(*this);
  }
  void json(std::string_view, const std::string& member) { write(member); }
  void json_map(std::string_view, const std::map<std::string, std::string>& member) {
    write(member);
  }
  void one_or_many(std::string_view, std::string_view, const std::vector<std::string>& member) {
    write(member);
  }
  void version_or_latest(std::string_view, const std::optional<std::int64_t>& member) {
    write(member);
  }
  void number_in_string(std::string_view, std::int64_t member) { write(member); }
  void reserved_list(std::string_view, std::string_view) {}
  bool marker(std::string_view) { return false; }
  void ignore(std::string_view) {}
  void fail(std::string_view, std::string_view) {}

 private:
  void unsigned_number(std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) {
      byte(static_cast<std::uint8_t>(value | 0x80U));
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void write(bool value) { byte(value ? 1 : 0); }
  void write(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    unsigned_number((bits << 1U) ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }
  void write(std::int32_t value) { write(std::int64_t{value}); }
  void write(double value) {
    std::array<char, sizeof value> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    bytes_.append(raw.data(), raw.size());
  }
  void write(const std::string& value) {
    unsigned_number(value.size());
    bytes_ += value;
  }
  void write(Duration value) { write(std::int64_t{value.count()}); }
  void write(WallTime value) { write(std::int64_t{value.time_since_epoch().count()}); }
  template <class T>
  void write(const std::optional<T>& value) {
    write(value.has_value());
    if (value) {
      write(*value);
    }
  }
  template <class T>
  void write(const std::vector<T>& value) {
    unsigned_number(value.size());
    for (const T& item : value) {
      write(item);
    }
  }
  template <class T>
  void write(const std::map<std::string, T>& value) {
    unsigned_number(value.size());
    for (const auto& [key, item] : value) {
      write(key);
      write(item);
    }
  }
  template <class T>
  void write(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      byte(static_cast<std::uint8_t>(value));
    } else {
      describe(*this, const_cast<T&>(value));  // which only looks here, as in FieldWriter
    }
  }

  std::string bytes_;
};

class Unpacker {
 public:
  static constexpr bool kReads = true;

  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t byte() {
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view text() {
    const auto size = static_cast<std::size_t>(unsigned_number());
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  std::int64_t number() {
    const std::uint64_t bits = unsigned_number();
    return static_cast<std::int64_t>((bits >> 1U) ^ ((bits & 1U) != 0 ? ~std::uint64_t{0} : 0));
  }

  template <class T>
  void field(std::string_view, T& member) {
    read(member);
  }
  template <class T>
  void optional(std::string_view, T& member) {
    read(member);
  }
  template <class T>
  void required(std::string_view, T& member) {
    read(member);
  }
  template <class F>
  void group(std::string_view, F&& describe_group) {
    describe_group(*this);
  }
  void json(std::string_view, std::string& member) { read(member); }
  void json_map(std::string_view, std::map<std::string, std::string>& member) { read(member); }
  void one_or_many(std::string_view, std::string_view, std::vector<std::string>& member) {
    read(member);
  }
  void version_or_latest(std::string_view, std::optional<std::int64_t>& member) { read(member); }
  void number_in_string(std::string_view, std::int64_t& member) { member = number(); }
  void reserved_list(std::string_view, std::string_view) {}
  bool marker(std::string_view) { return false; }
  void ignore(std::string_view) {}
  void fail(std::string_view, std::string_view) {}

 private:
  std::uint64_t unsigned_number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const std::uint8_t next = byte();
      value |= std::uint64_t{next & 0x7fU} << shift;
      if ((next & 0x80U) == 0) {
        return value;
      }
    }
  }
  void read(bool& value) { value = byte() != 0; }
  void read(std::int64_t& value) { value = number(); }
  void read(std::int32_t& value) { value = static_cast<std::int32_t>(number()); }
  void read(double& value) {
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
  }
  void read(std::string& value) { value = text(); }
  void read(Duration& value) { value = Duration(number()); }
  void read(WallTime& value) { value = WallTime(WallTime::duration(number())); }
  template <class T>
  void read(std::optional<T>& value) {
    if (byte() == 0) {
      value.reset();
    } else {
      read(value.emplace());
    }
  }
  template <class T>
  void read(std::vector<T>& value) {
    value.clear();
    const std::uint64_t size = unsigned_number();
    value.reserve(static_cast<std::size_t>(size));
    for (std::uint64_t i = 0; i < size; ++i) {
      read(value.emplace_back());
    }
  }
  template <class T>
  void read(std::map<std::string, T>& value) {
    value.clear();
    for (std::uint64_t left = unsigned_number(); left > 0; --left) {
      std::string key(text());
      read(value.emplace_hint(value.end(), std::move(key), T{})->second);
    }
  }
  template <class T>
  void read(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(byte());
    } else {
      describe(*this, value);
    }
  }

  std::string_view rest_;
};

}  // namespace

std::string pack(const Resource& object) {
  Packer packer;
  packer.byte(static_cast<std::uint8_t>(object.kind()));
  packer.field("metadata", object.meta);
  std::visit([&](const auto& spec) { packer.field("spec", spec); }, object.spec);
  std::visit([&](const auto& status) { packer.field("status", status); }, object.status);
  return packer.take();
}

Resource unpack(std::string_view packed) {
  Unpacker unpacker(packed);
  Resource object = make_resource(static_cast<Kind>(unpacker.byte()), "");
  unpacker.field("metadata", object.meta);
  std::visit([&](auto& spec) { unpacker.field("spec", spec); }, object.spec);
  std::visit([&](auto& status) { unpacker.field("status", status); }, object.status);
  return object;
}

// The order is that in which `describe` names the first fields of metadata.
PackedIdentity identity_of(std::string_view packed) {
  Unpacker unpacker(packed);
  PackedIdentity identity;
  identity.kind = static_cast<Kind>(unpacker.byte());
  identity.name = unpacker.text();
  identity.ns = unpacker.text();
  identity.uid = unpacker.text();
  identity.resource_version = unpacker.number();
  return identity;
}

}  // namespace ripcord::codec
