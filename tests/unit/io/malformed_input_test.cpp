// SPDX-License-Identifier: Apache-2.0
// Inputs that are wrong, one a row: each gives an error of code 3 that names the file and what is wrong with it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/importers/importer.h"
#include "io/jsonl_reader.h"
#include "io/safetensors.h"
#include "support/expect_error.h"
#include "support/safetensors_bytes.h"
#include "support/temporary_folder.h"

namespace westofn::io {
namespace {

using testing::expect_data_error;
using testing::little_endian;
using testing::safetensors_bytes;
using testing::TemporaryFolder;

struct BadText {
  std::string text;
  std::string part;  ///< of the message
};

/// Reads the file as rows with `use`, the bad row being the second line.
template <class Use>
void expect_bad_row(const BadText& bad, Use use) {
  SCOPED_TRACE(bad.text.substr(0, 80));
  const TemporaryFolder folder;
  const std::string path = folder.write("rows.jsonl", "{}\n" + bad.text + "\n");
  expect_data_error(
      [&] {
        JsonlReader reader(path);
        SkippedRecords skipped;
        (void)reader.next();
        const auto line = reader.next();
        ASSERT_TRUE(line);
        use_row(*line, path, OnBadRecord::fail, skipped, use);
      },
      path + ":2: " + bad.part);
}

const std::vector<BadText> bad_json = {
    {"{\"a\":1,\"a\":2}", "the key \"a\" stands twice"},
    {R"({"a":{"b":1,"\u0062":2}})", "the key \"b\" stands twice"},
    {"{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}", "more than 64 JSON containers"},
    {"{\"a\":\"\xff\"}",
     "not valid JSON at column 7: syntax error while parsing value - invalid string: ill-formed UTF-8"},
    {"{\"a\":\"\xc0\x80\"}", "not valid JSON at column 7"},
    {"{\"a\":\"\xed\xa0\x80\"}", "not valid JSON at column 8"},
    {"{\"a\":\"\xf4\x90\x80\x80\"}", "not valid JSON at column 8"},
    {"{\"\xe2\x82\":1}", "not valid JSON at column 5"},
    {R"({"a":"\ud800"})", "not valid JSON at column 13"},
    {R"({"a":"\udc00"})", "not valid JSON at column 12"},
    {R"({"a":"\ud800\u0041"})", "not valid JSON at column 18"},
    {R"({"a":NaN})", "not valid JSON at column 6"},
    {R"({"a":Infinity})", "not valid JSON at column 6"},
    {R"({"a":-Infinity})", "not valid JSON at column 7"},
    {R"({"a":1e999})", "not valid JSON at column 10: number overflow"},
    {R"({"a":01})", "not valid JSON at column 7"},
    {R"({"a":+1})", "not valid JSON at column 6"},
    {R"({"a":1.})", "not valid JSON at column 8"},
    {R"({"a":0x10})", "not valid JSON at column 7"},
    {R"({"a":1,})", "not valid JSON at column 8"},
    {R"({"a" 1})", "not valid JSON at column 6"},
    {R"({a:1})", "not valid JSON at column 2"},
    {R"({'a':1})", "not valid JSON at column 2"},
    {R"({"a":1} x)", "not valid JSON at column 9"},
    {R"({"a":1}{})", "not valid JSON at column 8"},
    {R"({"a":1} // note)", "not valid JSON at column 9"},
    {R"({"a":)", "not valid JSON at column 6"},
    {R"({"a":"b)", "not valid JSON at column 8"},
    {R"({"a":"\x"})", "not valid JSON at column 8"},
    {"{\"a\":\"\t\"}", "not valid JSON at column 7"},
    {std::string("{}\0", 3), "not valid JSON at column 3: zero byte"},
    {std::string("{\"a\":\"\0\"}", 9), "not valid JSON at column 7: zero byte"},
    {"\xEF\xBB\xBF{}", "not valid JSON at column 1: byte order mark"},
    {"\xFF\xFE{", "not valid JSON at column 1"},
    {"[]", "expected a JSON object {...}, found []"},
    {"\"text\"", "expected a JSON object"},
    {"null", "expected a JSON object"},
    {"{\"a\":\"" + std::string(jsonl_line_limit, 'x') + "\"}", "the line is longer than 16.0 MiB"},
};

TEST(MalformedJsonl, IsRefusedWithFileAndLine) {
  for (const auto& bad : bad_json) expect_bad_row(bad, [](const JsonValue&) {});
}

struct BadRow {
  PairFormat format;
  BadText bad;
};

const std::string chat_a = R"([{"role":"user","content":"q"},{"role":"assistant","content":"a"}])";
const std::string chat_b = R"([{"role":"user","content":"q"},{"role":"assistant","content":"b"}])";
const std::string summaries = R"("summaries":[{"text":"a"},{"text":"b"}])";
const std::string post = R"("info":{"id":"i","post":"p","title":"t","subreddit":"s"})";

std::string scored(const std::string& scores) {
  return R"({"chosen":)" + chat_a + R"(,"rejected":)" + chat_b + "," + scores + "}";
}

const std::vector<BadRow> bad_pairs = {
    {PairFormat::trl, {R"({})", "field 'chosen': is missing"}},
    {PairFormat::trl, {R"({"chosen":"a"})", "field 'rejected': is missing"}},
    {PairFormat::trl,
     {R"({"prompt":"p","chosen":1,"rejected":"b"})", "field 'chosen': expected a string, found the number 1"}},
    {PairFormat::trl, {R"({"prompt":7,"chosen":"a","rejected":"b"})", "field 'prompt': expected a string or a list"}},
    {PairFormat::trl,
     {R"({"prompt":[],"chosen":"a","rejected":"b"})", "field 'prompt': a prompt ends with a message of the user"}},
    {PairFormat::trl,
     {R"({"prompt":"p","chosen":[],"rejected":"b"})", "field 'rejected': expected a list, found a string"}},
    {PairFormat::trl,
     {R"({"prompt":"p","chosen":"a","rejected":[]})", "field 'rejected': expected a string, found a list"}},
    {PairFormat::trl, {R"({"chosen":[1],"rejected":[]})", "field 'chosen[0]': expected an object"}},
    {PairFormat::trl,
     {R"({"chosen":[{"role":"robot","content":"a"}],"rejected":[]})",
      "field 'chosen[0].role': expected system, user or assistant, found robot"}},
    {PairFormat::trl, {R"({"chosen":[{"role":"user"}],"rejected":[]})", "field 'chosen[0].content': is missing"}},
    {PairFormat::trl,
     {R"({"chosen":[{"role":"user","content":["a"]}],"rejected":[]})", "field 'chosen[0].content': expected a string"}},
    {PairFormat::trl,
     {R"({"prompt":"p","chosen":[{"role":"user","content":"a"}],"rejected":[]})",
      "field 'chosen': the response is not a message of the assistant"}},
    {PairFormat::trl,
     {R"({"chosen":)" + chat_a + R"(,"rejected":[{"role":"user","content":"q"},{"role":"user","content":"a"}]})",
      "field 'rejected': the response is not"}},
    {PairFormat::trl,
     {R"({"chosen":[{"role":"system","content":"a"},{"role":"assistant","content":"b"}],"rejected":[{"role":"system","content":"a"},{"role":"assistant","content":"c"}]})",
      "the chats differ after a message that is not of the user"}},
    {PairFormat::trl, {R"({"prompt":"p","chosen":"a","rejected":"b","id":1.5})", "field 'id': expected an id"}},
    {PairFormat::trl, {R"({"prompt":"p","chosen":"a","rejected":"b","id":""})", "field 'id': an id must not be empty"}},
    {PairFormat::trl, {R"({"prompt":"p","chosen":"a","rejected":"b","group":[]})", "field 'group': expected an id"}},
    {PairFormat::trl,
     {R"({"prompt":"p","chosen":"a","rejected":"b","confidence":"high"})", "field 'confidence': expected a number"}},
    {PairFormat::trl,
     {R"({"prompt":"p","chosen":"a","rejected":"b","split":"dev"})",
      "field 'split': expected train, validation, test or judge, found dev"}},
    {PairFormat::trl, {R"({"prompt":"p","chosen":"a","rejected":"b","half":true})", "field 'half': expected a string"}},
    {PairFormat::trl,
     {R"({"prompt":"p","chosen":"a","rejected":"b","half":"both"})", "field 'half': expected labelled or unlabelled"}},
    {PairFormat::hh, {R"({"transcript":"a","rating":1})", "field 'chosen': is missing"}},
    {PairFormat::hh, {R"({"chosen":null,"rejected":"b"})", "field 'chosen': expected a string, found null"}},
    {PairFormat::summarize, {"{" + summaries + R"(,"choice":0})", "field 'info': is missing"}},
    {PairFormat::summarize, {"{" + post + R"(,"summary":{"text":"a","axes":{}}})", "field 'summaries': is missing"}},
    {PairFormat::summarize,
     {"{" + post + R"(,"summaries":[{"text":"a"}],"choice":0})", "field 'summaries': expected two summaries, found 1"}},
    {PairFormat::summarize, {"{" + post + "," + summaries + R"(,"choice":2})", "field 'choice': expected 0 or 1"}},
    {PairFormat::summarize,
     {"{" + post + "," + summaries + R"(,"choice":-1})", "field 'choice': expected an integer that is not negative"}},
    {PairFormat::summarize,
     {"{" + post + "," + summaries + R"(,"choice":0,"split":"test"})",
      "field 'split': expected train, valid1 or valid2, found test"}},
    {PairFormat::summarize,
     {"{" + post + "," + summaries + R"(,"choice":0,"extra":{"confidence":"8"}})",
      "field 'extra.confidence': expected a number"}},
    {PairFormat::summarize,
     {R"({"info":{"post":"p","title":"t","subreddit":"s"},)" + summaries + R"(,"choice":0})",
      "field 'info.id': is missing"}},
    {PairFormat::summarize,
     {R"({"info":{"id":"i","post":"p","title":null,"subreddit":"s"},)" + summaries + R"(,"choice":0})",
      "field 'info.title': expected a string, found null"}},
    {PairFormat::summarize,
     {"{" + post + R"(,"summaries":[{"text":"a"},{"t":"b"}],"choice":0})", "field 'summaries[1].text': is missing"}},
    {PairFormat::ultrafeedback, {R"({"instruction":"i","completions":{}})", "field 'completions': expected a list"}},
    {PairFormat::ultrafeedback,
     {R"({"instruction":"i","completions":[{"response":"a"}]})",
      "field 'completions[0].fine-grained_score': is missing"}},
    {PairFormat::ultrafeedback,
     {R"({"instruction":"i","completions":[{"response":"a","overall_score":"N/A"}]})",
      "field 'completions[0].overall_score': expected a number"}},
    {PairFormat::ultrafeedback,
     {R"({"completions":[{"response":"a","overall_score":1},{"response":"b","overall_score":2}]})",
      "field 'instruction': is missing"}},
    {PairFormat::ultrafeedback,
     {R"({"instruction":"i","completions":[{"overall_score":1},{"response":"b","overall_score":2}]})",
      "field 'completions[0].response': is missing"}},
    {PairFormat::ultrafeedback,
     {scored(R"("score_chosen":1,"score_rejected":2)"), "field 'score_chosen': is below score_rejected"}},
    {PairFormat::ultrafeedback, {scored(R"("score_chosen":1)"), "field 'score_rejected': is missing"}},
};

TEST(MalformedPairs, AreRefusedWithFileLineAndField) {
  for (const auto& [format, bad] : bad_pairs) {
    expect_bad_row(bad, [format = format](const JsonValue& row) { (void)import_pair(format, row); });
  }
}

TEST(MalformedPrompts, AreRefusedWithFileLineAndField) {
  const std::vector<BadText> rows = {
      {R"({"text":"p"})", "field 'prompt': is missing"},
      {R"({"prompt":null})", "field 'prompt': expected a string or a list of chat messages"},
      {R"({"prompt":[{"role":"assistant","content":"a"}]})",
       "field 'prompt': a prompt ends with a message of the user"},
      {R"({"prompt":"p","id":true})", "field 'id': expected an id (a string or an integer), found true"},
  };
  for (const auto& bad : rows) expect_bad_row(bad, [](const JsonValue& row) { (void)import_prompt(row); });
}

TEST(MalformedDemonstrations, AreRefusedWithFileLineAndField) {
  const std::vector<BadText> rows = {
      {R"({"response":"r"})", "field 'prompt': is missing"},
      {R"({"prompt":"p"})", "has none of the fields 'response', 'completion' and 'summary'"},
      {R"({"prompt":"p","completion":[{"role":"assistant","content":"a"}]})", "field 'completion': expected a string"},
  };
  for (const auto& bad : rows) expect_bad_row(bad, [](const JsonValue& row) { (void)import_demonstration(row); });
}

/// One tensor x with these three values, and four bytes of data.
std::string one_tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return safetensors_bytes(
      R"({"x":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", 4);
}

const std::string half = R"("dtype":"U8","shape":[2],"data_offsets":)";

const std::vector<BadText> bad_safetensors = {
    {"", "is too short"},
    {"1234567", "is too short"},
    {little_endian(0), "the header at offset 8 does not begin with '{'"},
    {little_endian(3) + "{}", "the header length at offset 0 is 3, but 2 bytes follow"},
    {little_endian(~std::uint64_t{0}) + "{}", "the header length at offset 0 is 18446744073709551615"},
    {little_endian(std::uint64_t{1} << 63) + "{}", "the header length at offset 0"},
    {little_endian(100'000'001) + "{" + std::string(100'000'000, ' '), "the limit is 100000000"},
    {safetensors_bytes(" {}", 0), "does not begin with '{'"},
    {safetensors_bytes("[]", 0), "does not begin with '{'"},
    {safetensors_bytes("{", 0), "not valid JSON"},
    {safetensors_bytes("{}x", 0), "not valid JSON"},
    {safetensors_bytes(std::string("{}\0\0", 4), 0), "zero byte"},
    {safetensors_bytes("{\"\xff\":1}", 0), "ill-formed UTF-8"},
    {safetensors_bytes("{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}", 0), "more than 64"},
    {safetensors_bytes("{}", 1), "the tensors take 0 bytes, the file has 1 bytes of data"},
    {safetensors_bytes(R"({"__metadata__":{"a":1}})", 0), "field '__metadata__.a': expected a string"},
    {safetensors_bytes(R"({"__metadata__":null})", 0), "field '__metadata__': expected an object"},
    {safetensors_bytes(R"({"x":1})", 0), "field 'x': expected an object"},
    {safetensors_bytes(R"({"x":{}})", 0), "field 'x.dtype': is missing"},
    {one_tensor(R"("F8_E4M3")", "[4]", "[0,4]"), "field 'x.dtype': the element type F8_E4M3 is not supported"},
    {one_tensor(R"("f32")", "[1]", "[0,4]"), "the element type f32 is not supported"},
    {one_tensor("4", "[1]", "[0,4]"), "field 'x.dtype': expected a string"},
    {one_tensor(R"("F32")", "1", "[0,4]"), "field 'x.shape': expected a list"},
    {one_tensor(R"("F32")", "[-1]", "[0,4]"), "field 'x.shape[0]': expected an integer that is not negative"},
    {one_tensor(R"("F32")", "[1.0]", "[0,4]"), "field 'x.shape[0]': expected an integer"},
    {one_tensor(R"("F32")", "[18446744073709551615]", "[0,4]"), "field 'x.shape[0]': the extent is too large"},
    {one_tensor(R"("F32")", "[4611686018427387905]", "[0,4]"), "field 'x': the shape is too large"},
    {one_tensor(R"("U8")", "[4294967296,4294967297]", "[0,4]"), "field 'x': the shape is too large"},
    {one_tensor(R"("F32")", "[2]", "[0,4]"),
     "field 'x': data_offsets [0, 4] do not fit the shape, which takes 8 bytes"},
    {one_tensor(R"("F32")", "[1]", "[4,0]"), "do not fit the shape"},
    {one_tensor(R"("F32")", "[1]", "[0]"), "field 'x.data_offsets': expected two numbers"},
    {one_tensor(R"("F32")", "[1]", "[0,2,4]"), "field 'x.data_offsets': expected two numbers"},
    {one_tensor(R"("F32")", "[1]", "[-4,0]"), "field 'x.data_offsets[0]': expected an integer that is not negative"},
    {one_tensor(R"("F32")", "[2]", "[0,8]"), "the tensors take 8 bytes, the file has 4 bytes of data"},
    {one_tensor(R"("U8")", "[2]", "[0,2]"), "the tensors take 2 bytes, the file has 4 bytes of data"},
    {one_tensor(R"("U8")", "[2]", "[2,4]"),
     "tensor x begins at offset 2 of the data, but the tensors before it end at 0"},
    {one_tensor(R"("U8")", "[4]", "[18446744073709551612,18446744073709551616]"), "field 'x.data_offsets[1]'"},
    {one_tensor(R"("U8")", "[4]", R"([0,4],"extra":1)"), "field 'x': unknown key extra"},
    {safetensors_bytes("{\"x\":{" + half + "[0,2]},\"y\":{" + half + "[0,2]}}", 4), "a hole or an overlap"},
    {safetensors_bytes("{\"x\":{" + half + "[0,2]},\"y\":{" + half + "[1,3]}}", 3), "a hole or an overlap"},
    {safetensors_bytes("{\"x\":{" + half + "[0,2]},\"y\":{" + half + "[3,5]}}", 5), "a hole or an overlap"},
    {safetensors_bytes("{\"x\":{" + half + "[0,2]},\"x\":{" + half + "[2,4]}}", 4), "the key \"x\" stands twice"},
};

TEST(MalformedSafetensors, IsRefusedWithFileAndField) {
  for (const auto& bad : bad_safetensors) {
    SCOPED_TRACE(bad.text.substr(0, 120));
    const TemporaryFolder folder;
    const std::string path = folder.write("model.safetensors", bad.text);
    expect_data_error([&] { SafetensorsFile file(path); }, path + ": ");
    expect_data_error([&] { SafetensorsFile file(path); }, bad.part);
  }
}

}  // namespace
}  // namespace westofn::io
