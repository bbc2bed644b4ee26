// SPDX-License-Identifier: Apache-2.0
// What kubectl makes of plain scalars (sigs.k8s.io/yaml on go-yaml v2, then JSON).
#include "controller/codec/yaml_scalar.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ripcord::codec {
namespace {

struct Meaning {
  std::string_view text;
  std::string_view json;
};

class PlainScalar : public testing::TestWithParam<Meaning> {};

TEST_P(PlainScalar, MeansWhatKubectlMakesOfIt) {
  EXPECT_EQ(to_json(resolve_plain(GetParam().text)), GetParam().json) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Words, PlainScalar,
    testing::ValuesIn(std::vector<Meaning>{
        {"y", "true"},          {"Y", "true"},        {"yes", "true"},  {"Yes", "true"},
        {"YES", "true"},        {"on", "true"},       {"On", "true"},   {"ON", "true"},
        {"true", "true"},       {"True", "true"},     {"TRUE", "true"}, {"n", "false"},
        {"N", "false"},         {"no", "false"},      {"No", "false"},  {"NO", "false"},
        {"off", "false"},       {"Off", "false"},     {"OFF", "false"}, {"false", "false"},
        {"False", "false"},     {"FALSE", "false"},   {"~", "null"},    {"null", "null"},
        {"Null", "null"},       {"NULL", "null"},     {"", "null"},     {"nULL", "\"nULL\""},
        {"tRUE", "\"tRUE\""},   {"yEs", "\"yEs\""},   {"oN", "\"oN\""}, {"yes!", "\"yes!\""},
        {"truth", "\"truth\""}, {"nope", "\"nope\""}, {"<<", "\"<<\""}, {"=", "\"=\""}}));

INSTANTIATE_TEST_SUITE_P(Integers, PlainScalar,
                         testing::ValuesIn(std::vector<Meaning>{
                             {"0", "0"},
                             {"-0", "0"},
                             {"12", "12"},
                             {"-12", "-12"},
                             {"+12", "12"},
                             {"010", "8"},
                             {"-010", "-8"},
                             {"0o10", "8"},
                             {"0O17", "15"},
                             {"08", "8"},
                             {"09", "9"},
                             {"0x1F", "31"},
                             {"0X1f", "31"},
                             {"-0x10", "-16"},
                             {"0b101", "5"},
                             {"0B101", "5"},
                             {"-0b11", "-3"},
                             {"1_000", "1000"},
                             {"1__0", "10"},
                             {"1_", "1"},
                             {"0x_F", "15"},
                             {"_1", "\"_1\""},
                             {"0x", "\"0x\""},
                             {"0b2", "\"0b2\""},
                             {"0o8", "\"0o8\""},
                             {"0xg", "\"0xg\""},
                             {"--1", "\"--1\""},
                             {"+-1", "\"+-1\""},
                             {"-", "\"-\""},
                             {"+", "\"+\""},
                             {"1a", "\"1a\""},
                             {"9223372036854775807", "9223372036854775807"},
                             {"-9223372036854775808", "-9223372036854775808"},
                             {"9223372036854775808", "9223372036854775808"},
                             {"18446744073709551615", "18446744073709551615"}}));

INSTANTIATE_TEST_SUITE_P(Floats, PlainScalar,
                         testing::ValuesIn(std::vector<Meaning>{{"1.5", "1.5"},
                                                                {"10.0", "10.0"},
                                                                {"-1.5", "-1.5"},
                                                                {"+1.5", "1.5"},
                                                                {".5", "0.5"},
                                                                {"5.", "5"},
                                                                {"1e3", "1e3"},
                                                                {"1E3", "1E3"},
                                                                {"1e+3", "1e+3"},
                                                                {"1e-3", "1e-3"},
                                                                {"1_0.5", "10.5"},
                                                                {"01.5", "1.5"},
                                                                {"1e400", "\"1e400\""},
                                                                {"1e", "\"1e\""},
                                                                {".", "\".\""},
                                                                {"..", "\"..\""},
                                                                {".e1", "\".e1\""},
                                                                {"1.2.3", "\"1.2.3\""},
                                                                {"1,5", "\"1,5\""},
                                                                {"1:30", "\"1:30\""},
                                                                {"12:30:45", "\"12:30:45\""},
                                                                {"0x1p4", "\"0x1p4\""},
                                                                {"infinity", "\"infinity\""},
                                                                {"nan", "\"nan\""}}));

INSTANTIATE_TEST_SUITE_P(Dates, PlainScalar,
                         testing::ValuesIn(std::vector<Meaning>{
                             {"2024-01-15", "\"2024-01-15\""},
                             {"2024-01-15T12:00:00Z", "\"2024-01-15T12:00:00Z\""},
                             {"2s", "\"2s\""},
                             {"48h", "\"48h\""},
                             {"127.0.0.1:9001", "\"127.0.0.1:9001\""}}));

TEST(PlainScalarNumbers, OfInfiniteSizeAreNoJson) {
  for (const char* text : {".inf", "-.inf", "+.INF", ".nan", ".NaN"}) {
    EXPECT_FALSE(is_finite_number(resolve_plain(text))) << text;
  }
  EXPECT_TRUE(is_finite_number(resolve_plain("1.5")));
  EXPECT_TRUE(is_finite_number(resolve_plain("inf")));
}

}  // namespace
}  // namespace ripcord::codec
