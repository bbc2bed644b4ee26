// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/message.h"

#include "tests/support/status_matchers.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord::codec {
namespace {

using Code = MessageErrorCode;

Message decoded(const std::string& text) {
  const Result<Message> message = decode_message(text);
  EXPECT_OK(message);
  return message ? *message : Message{};
}

TEST(Message, ReadsABareBody) {
  const Message message = decoded(R"({"type": "rollback", "msg_id": 1, "version": 3})");
  EXPECT_FALSE(message.enveloped);
  EXPECT_EQ(message.msg_id, "1");
  EXPECT_EQ(*message.request, MessageRequest(RollbackMessage{3, ""}));
}

TEST(Message, ReadsAnEnvelope) {
  const Message message = decoded(
      R"({"src": "admin", "dest": "traffic", "id": 7, "body":
          {"type": "switch_traffic", "msg_id": 3, "from": "green", "to": "blue"}})");
  EXPECT_TRUE(message.enveloped);
  EXPECT_EQ(message.src, "admin");
  EXPECT_EQ(message.dest, "traffic");
  EXPECT_EQ(*message.request, MessageRequest(SwitchTrafficMessage{"green", "blue", ""}));
}

TEST(Message, TheOrderOfFieldsDoesNotMakeAnotherMessage) {
  EXPECT_EQ(decoded(R"({"type": "restore", "msg_id": 4, "backup": "b"})").content,
            decoded("{\"backup\":\"b\",\n\"msg_id\":4,\"type\":\"restore\"}").content);
  EXPECT_NE(decoded(R"({"type": "restore", "msg_id": 4, "backup": "b"})").content,
            decoded(R"({"type": "restore", "msg_id": 4, "backup": "c"})").content);
}

struct Unanswerable {
  std::string text;
  std::string why;
};
class UnanswerableMessage : public testing::TestWithParam<Unanswerable> {};

TEST_P(UnanswerableMessage, SaysWhyNobodyCanBeAnswered) {
  const Result<Message> message = decode_message(GetParam().text);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(message.error().message().find(GetParam().why), std::string::npos)
      << message.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    All, UnanswerableMessage,
    testing::Values(Unanswerable{"{", "no JSON"}, Unanswerable{"[1]", "no JSON object"},
                    Unanswerable{R"({"type": "restore"})", "no msg_id"},
                    Unanswerable{R"({"body": 5})", "no msg_id"},
                    Unanswerable{R"({"msg_id": null, "type": "x"})", "msg_id is null"},
                    Unanswerable{R"({"msg_id": "1", "type": "x"})", "msg_id is the string \"1\""},
                    Unanswerable{R"({"msg_id": 1.5, "type": "x"})", "msg_id is 1.5"},
                    Unanswerable{R"({"msg_id": 1e2, "type": "x"})", "msg_id is 100.0"},
                    Unanswerable{R"({"msg_id": 1e999})", "no JSON"},
                    Unanswerable{"{\"msg_id\": 1, \"x\": " + std::string(70, '[') +
                                     std::string(70, ']') + "}",
                                 "nested more than 64 deep"}));

struct Refused {
  std::string body;  // without the braces and msg_id
  Code code;
  std::string text;  // that the reply's text begins with
};
class RefusedMessage : public testing::TestWithParam<Refused> {};

TEST_P(RefusedMessage, NamesTheFieldAndTheFix) {
  const Message message = decoded(fmt::format("{{\"msg_id\": 9, {}}}", GetParam().body));
  ASSERT_FALSE(message.request);
  EXPECT_EQ(message.request.error().code, GetParam().code);
  EXPECT_EQ(message.request.error().text.substr(0, GetParam().text.size()), GetParam().text);
}

const std::string kRollback = R"("type": "rollback")";

INSTANTIATE_TEST_SUITE_P(
    All, RefusedMessage,
    testing::Values(
        Refused{R"("x": 1)", Code::kMalformedRequest, "field type is missing: send"},
        Refused{R"("type": null)", Code::kMalformedRequest, "field type is null, not a string"},
        Refused{R"("type": 5)", Code::kMalformedRequest, "field type is 5, not a string"},
        Refused{R"("type": "undo")", Code::kNotSupported,
                "type \"undo\" is not known: send rollback, disable_feature"},
        Refused{kRollback, Code::kMalformedRequest, "field version is missing: send the version"},
        Refused{kRollback + R"(, "version": null)", Code::kMalformedRequest,
                "field version is null, not a number: send"},
        Refused{kRollback + R"(, "version": "3")", Code::kMalformedRequest,
                "field version is the string \"3\", not a number"},
        Refused{kRollback + R"(, "version": true)", Code::kMalformedRequest,
                "field version is true, not a number"},
        Refused{kRollback + R"(, "version": [3])", Code::kMalformedRequest,
                "field version is an array, not a number"},
        Refused{kRollback + R"(, "version": 2.5)", Code::kMalformedRequest,
                "field version is 2.5, not a whole number"},
        Refused{kRollback + R"(, "version": 0)", Code::kMalformedRequest,
                "field version is 0, out of range: send"},
        Refused{kRollback + R"(, "version": -1)", Code::kMalformedRequest,
                "field version is -1, out of range"},
        Refused{kRollback + R"(, "version": 9223372036854775808)", Code::kMalformedRequest,
                "field version is 9223372036854775808, out of range"},
        Refused{kRollback + R"(, "version": 3, "version": 4)", Code::kMalformedRequest,
                "field version is there twice: send it once"},
        Refused{R"("type": "disable_feature")", Code::kMalformedRequest,
                "field feature is missing: send \"feature\": \"new_checkout\""},
        Refused{R"("type": "disable_feature", "feature": "")", Code::kMalformedRequest,
                "field feature is empty"},
        Refused{R"("type": "disable_feature", "feature": ")" + std::string(513, 'x') + "\"",
                Code::kMalformedRequest, "field feature has 513 bytes: send at most 512"},
        Refused{"\"type\": \"disable_feature\", \"feature\": \"\xFF\"", Code::kMalformedRequest,
                "the message is no UTF-8 at byte"},
        Refused{R"("type": "switch_traffic", "from": "green")", Code::kMalformedRequest,
                "field to is missing: send \"to\": \"blue\""},
        Refused{R"("type": "switch_traffic", "from": "blue", "to": "blue")",
                Code::kMalformedRequest, "fields from and to are both \"blue\""},
        Refused{R"("type": "restore", "backup": {})", Code::kMalformedRequest,
                "field backup is an object, not a string"},
        Refused{R"("type": "restore", "backup": ")" + std::string(256, 'x') + "\"",
                Code::kMalformedRequest, "field backup has 256 bytes: send at most 255"},
        Refused{R"("type": "init")", Code::kMalformedRequest, "field node_id is missing"}));

TEST(Message, TakesTheLargestVersionAndTheLongestKey) {
  EXPECT_EQ(
      *decoded(R"({"msg_id": 1, "type": "rollback", "version": 9223372036854775807})").request,
      MessageRequest(RollbackMessage{std::numeric_limits<std::int64_t>::max(), ""}));
  const std::string key(512, 'k');
  EXPECT_EQ(
      *decoded(R"({"msg_id": 1, "type": "disable_feature", "feature": ")" + key + "\"}").request,
      MessageRequest(DisableFeatureMessage{key}));
  const std::string backup(255, 'b');
  EXPECT_EQ(*decoded(R"({"msg_id": 1, "type": "restore", "backup": ")" + backup + "\"}").request,
            MessageRequest(RestoreMessage{backup}));
}

TEST(Message, RefusesASourceThatIsNoText) {
  const Message message = decoded(R"({"src": 5, "body": {"msg_id": 1, "type": "init"}})");
  EXPECT_EQ(message.request.error().text, "field src is 5, not a string");
}

TEST(Message, PrintsAReplyAsPythonWould) {
  const Message message = decoded(R"({"src": "c", "body": {"type": "init", "msg_id": 5}})");
  const Reply reply{"kinds",
                    {{"whole", std::int64_t{-3}},
                     {"part", 0.5},
                     {"yes", true},
                     {"text", std::string("\xC3\x9C\"\\\n\x01\x7F\xF0\x9F\x98\x80\xFF")}}};
  EXPECT_EQ(encode_reply(reply, message, ""),
            R"({"type": "kinds", "in_reply_to": 5, "whole": -3, "part": 0.5, "yes": true, )"
            R"("text": "\u00dc\"\\\n\u0001\u007f\ud83d\ude00\ufffd"})");
  EXPECT_EQ(encode_reply({"init_ok", {}}, message, "n1"),
            R"({"src": "n1", "dest": "c", "body": {"type": "init_ok", "in_reply_to": 5}})");
}

TEST(Message, PrintsAnErrorWithItsCode) {
  const Message message = decoded(R"({"type": "init", "msg_id": 5})");
  EXPECT_EQ(encode_reply(error_reply({Code::kPreconditionFailed, "no"}), message, "n1"),
            R"({"type": "error", "in_reply_to": 5, "code": 22, "text": "no"})");
}

// Right column: what Python 3.11 prints for json.dumps(value).
TEST(Message, PrintsNumbersAsPythonWould) {
  const std::pair<double, std::string> cases[] = {
      {0.1, "0.1"},
      {1e-5, "1e-05"},
      {0.0001, "0.0001"},
      {1.5, "1.5"},
      {1e16, "1e+16"},
      {1e22, "1e+22"},
      {123456.789, "123456.789"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {0.30000000000000004, "0.30000000000000004"},
      {-2.5e-7, "-2.5e-07"}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(number_text(value), text);
  }
}

TEST(Message, PrintsWholeNumbersWithoutAPoint) {
  EXPECT_EQ(number_text(5.0), "5");
  EXPECT_EQ(number_text(0.0), "0");
  EXPECT_EQ(number_text(-60.0), "-60");
  EXPECT_EQ(number_text(9007199254740992.0), "9007199254740992");
}

}  // namespace
}  // namespace ripcord::codec
