// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/message_text.h"

#include "controller/codec/message.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

// Length of the sequence that `lead` opens and its payload bits; 0 when it opens none.
std::size_t sequence_length(unsigned char lead, char32_t& bits) {
  if (lead < 0x80) {
    bits = lead;
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    bits = lead & 0x1FU;
    return 2;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    bits = lead & 0x0FU;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    bits = lead & 0x07U;
    return 4;
  }
  return 0;
}

bool is_scalar(char32_t c, std::size_t length) {
  const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  return !surrogate && !overlong && c <= 0x10FFFF;
}

void append_utf16_escape(std::string& out, char32_t c) {
  if (c < 0x10000) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    return;
  }
  const char32_t rest = c - 0x10000;
  fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}",
                 static_cast<unsigned>(0xD800 + (rest >> 10U)),
                 static_cast<unsigned>(0xDC00 + (rest & 0x3FFU)));
}

void append_escaped(std::string& out, char32_t c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      break;
  }
  if (c >= 0x20 && c < 0x7F) {
    out += static_cast<char>(c);
  } else {
    append_utf16_escape(out, c);
  }
}

std::string value_text(const ReplyValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return fmt::format("{}", *whole);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return number_text(*number);
  }
  if (const auto* flag = std::get_if<bool>(&value)) {
    return *flag ? "true" : "false";
  }
  return string_text(std::get<std::string>(value));
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at, bool& valid) {
  char32_t c = 0;
  const std::size_t length = sequence_length(static_cast<unsigned char>(text[at]), c);
  valid = length != 0 && at + length <= text.size();
  for (std::size_t i = 1; valid && i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    valid = (byte & 0xC0U) == 0x80U;
    c = (c << 6U) | (byte & 0x3FU);
  }
  valid = valid && is_scalar(c, length);
  at += valid ? length : 1;
  return valid ? c : kReplacement;
}

std::string repaired_utf8(std::string_view text, std::size_t& broken_at) {
  broken_at = std::string_view::npos;
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    bool valid = true;
    next_code_point(text, at, valid);
    if (valid) {
      out.append(text.substr(from, at - from));
    } else {
      broken_at = std::min(broken_at, from);
      out += "\xEF\xBF\xBD";
    }
  }
  return out;
}

std::string clipped(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) {
    return std::string(text);
  }
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return std::string(text.substr(0, end)) + "...";
}

std::string number_text(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (!std::isfinite(value)) {
    return "null";
  }
  if (std::trunc(value) == value && std::abs(value) < kExact) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  // The shortest digits that read back as the same double; std::to_chars would choose between
  // fixed and scientific by length, Python chooses by exponent.
  std::array<char, 32> buffer{};
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific);
  const std::string_view text(buffer.data(),
                              static_cast<std::size_t>(scientific.ptr - buffer.data()));
  int exponent = 0;
  const std::size_t e = text.find('e');
  const std::string_view power = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    return std::string(text);
  }
  std::array<char, 64> fixed{};
  const auto end =
      std::to_chars(fixed.data(), fixed.data() + fixed.size(), value, std::chars_format::fixed);
  return std::string(fixed.data(), end.ptr);
}

std::string string_text(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  for (std::size_t at = 0; at < text.size();) {
    bool valid = true;
    append_escaped(out, next_code_point(text, at, valid));
  }
  out += '"';
  return out;
}

Reply error_reply(const MessageError& error) {
  return {"error", {{"code", static_cast<std::int64_t>(error.code)}, {"text", error.text}}};
}

std::string encode_reply(const Reply& reply, const Message& message, std::string_view node_id) {
  std::string body =
      fmt::format("{{\"type\": {}, \"in_reply_to\": {}", string_text(reply.type), message.msg_id);
  for (const ReplyField& field : reply.fields) {
    fmt::format_to(std::back_inserter(body), ", {}: {}", string_text(field.name),
                   value_text(field.value));
  }
  body += '}';
  if (node_id.empty() || !message.enveloped) {
    return body;
  }
  return fmt::format("{{\"src\": {}, \"dest\": {}, \"body\": {}}}", string_text(node_id),
                     string_text(message.src), body);
}

}  // namespace ripcord::codec
