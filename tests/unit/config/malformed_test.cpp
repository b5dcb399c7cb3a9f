// SPDX-License-Identifier: Apache-2.0
// What is wrong with a file is said with its place, its key and what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>

#include "config/config.h"
#include "support/temporary_folder.h"
#include "unit/config/demo_settings.h"
#include "util/error.h"

namespace westofn::config {
namespace {

using ::testing::HasSubstr;

struct Malformed {
  std::string name;
  std::string text;
  std::string expected;  ///< part of the message
};

void PrintTo(const Malformed& malformed, std::ostream* out) { *out << malformed.name; }

/// The message that reading the text gives.
std::string message_of(const std::string& text) {
  try {
    (void)read<demo::Settings>(Document(text, "demo.yaml"));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

const std::string head = "name: toy\npairs: []\n";  // two lines that are right

std::string nested_lists(int depth) {
  return "name: " + std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

const std::vector<Malformed>& malformed_documents() {
  static const std::vector<Malformed> table = {
      // the file as a whole
      {"Empty", "", "demo.yaml: the file holds no settings"},
      {"OnlyComments", "# nothing\n\n", "demo.yaml: the file holds no settings"},
      {"OnlyAMarker", "---\n", "demo.yaml: the file holds no settings"},
      {"ListAtTheTop", "- a\n- b\n", "demo.yaml:1:1: expected 'key: value' lines at the top, got a list"},
      {"ScalarAtTheTop", "hello\n", "demo.yaml:1:1: expected 'key: value' lines at the top, got 'hello'"},
      {"TooLarge", "name: " + std::string(1'000'001, 'x'), "at most"},
      {"InvalidUtf8", "name: toy\npairs: \xff\n", "demo.yaml:2:8: not valid UTF-8"},
      {"OverlongUtf8", "name: \xc0\xaf\n", "demo.yaml:1:7: not valid UTF-8"},
      {"ZeroByte", std::string("name: a\0b\n", 10), "demo.yaml:1:8: the control character \\x00 is not allowed"},
      {"EndOfTransmission", "name: a\x04\nseed: x\n", "demo.yaml:1:8: the control character \\x04"},
      {"Escape", "name: \x1b[31m\n", "demo.yaml:1:7: the control character \\x1b"},
      {"TwoDocuments", head + "---\nname: b\n", "more than one YAML document"},
      {"TooDeep", nested_lists(64), "demo.yaml:1:70: lists and maps are nested more than 64 deep"},
      // what YAML calls wrong
      {"OpenQuote", head + "seed: \"1\n", "not valid YAML"},
      {"OpenQuoteOverLines", "name: \"toy\nseed: 1\n", "illegal EOF in scalar"},
      {"OpenList", head + "tags: [a, b\n", "not valid YAML"},
      {"TabAsIndentation", "name: toy\npairs:\n\t- path: a\n", "not valid YAML"},
      {"ColonInValue", "name: a: b\n", "demo.yaml:1:8: not valid YAML"},
      {"WrongIndentation", "name: toy\n  seed: 1\n", "not valid YAML"},
      {"UnknownEscape", "name: \"\\q\"\n", "not valid YAML"},
      {"EscapeThatTheParserMisreads", "name: \"a\\_b\"\n", "demo.yaml:1:7: an escape here is not understood"},
      {"EscapedSurrogate", "name: \"\\ud800\"\n", "not valid YAML"},
      // what YAML allows and we do not
      {"Anchor", "name: &a toy\n", "demo.yaml:1:7: anchors (&name) are not allowed"},
      {"AnchorOfAMap", head + "shares: &s\n  train: 1\n", "demo.yaml:3:9: anchors (&name) are not allowed"},
      {"AnchorOfNull", head + "note: &a\n", "anchors (&name) are not allowed"},
      {"Alias", "name: &a toy\npairs: *a\n", "anchors (&name) are not allowed"},
      {"UnknownAlias", "name: *a\n", "demo.yaml:1:7: "},
      {"Tag", "name: !!str 5\n", "demo.yaml:1:7: tags (!name) are not allowed"},
      {"LocalTag", head + "shares: !x {train: 1}\n", "demo.yaml:3:9: tags (!name) are not allowed"},
      {"TagOfNothing", head + "note: !!null\n", "tags (!name) are not allowed"},
      {"MergeKey", head + "<<: {seed: 1}\n", "demo.yaml:3:1: <<: unknown key"},
      {"DuplicateKey", head + "seed: 1\nseed: 2\n", "demo.yaml:4:1: the key 'seed' stands here twice"},
      {"DuplicateKeyInFlow", head + "shares: {train: 1, train: 0}\n", "the key 'train' stands here twice"},
      {"DuplicateQuotedKey", head + "seed: 1\n\"seed\": 2\n", "the key 'seed' stands here twice"},
      {"DuplicateName", head + "recipes:\n  a: {}\n  a: {}\n", "demo.yaml:5:3: the key 'a' stands here twice"},
      {"NullKey", head + "~: 1\n", "demo.yaml:3:1: a key is missing before ':'"},
      {"ListAsKey", head + "[a]: 1\n", "demo.yaml:3:1: a key must be a plain name"},
      {"MapAsKey", head + "? {a: b}\n: 1\n", "a key must be a plain name"},
      // keys
      {"UnknownKey", "name: toy\npairs:\n  - path: a\n    formatt: hh\n",
       "demo.yaml:4:5: pairs[0].formatt: unknown key; did you mean 'format'? Known keys: path, format, share"},
      {"UnknownKeyFarFromAll", head + "zzzzzzzzzz: 1\n", "zzzzzzzzzz: unknown key; Known keys: name, seed, quiet"},
      {"UnknownKeyOfARecipe", head + "recipes:\n  big:\n    m: 3\n", "demo.yaml:5:5: recipes.big.m: unknown key"},
      {"UnknownKeyThatIsAnAttack", head + "\"\\e[31m\": 1\n", "\\x1b[31m: unknown key"},
      {"MissingKey", "name: toy\n", "demo.yaml:1:1: missing required key 'pairs' (human pairs)"},
      {"MissingKeyInAList", "name: toy\npairs:\n  - format: hh\n",
       "demo.yaml:3:5: pairs[0]: missing required key 'path' (file of pairs)"},
      // types
      {"NullAsText", "name:\npairs: []\n", "demo.yaml:1:1: name: expected a text, got nothing (null)"},
      {"ListAsText", "name: [a]\npairs: []\n", "demo.yaml:1:7: name: expected a text, got a list"},
      {"MapAsText", "name: {a: b}\npairs: []\n", "name: expected a text, got a map"},
      {"TextAsList", "name: toy\npairs: a.jsonl\n", "demo.yaml:2:8: pairs: expected a list, got 'a.jsonl'"},
      {"MapAsList", "name: toy\npairs: {path: a}\n", "pairs: expected a list, got a map"},
      {"TextAsSection", head + "shares: all\n", "demo.yaml:3:9: shares: expected 'key: value' lines, got 'all'"},
      {"NullAsSection", head + "shares:\n", "demo.yaml:3:1: shares: expected 'key: value' lines, got nothing (null)"},
      {"ListAsNamed", head + "recipes: [a]\n", "recipes: expected 'key: value' lines, got a list"},
      {"YesAsBool", head + "quiet: yes\n", "demo.yaml:3:8: quiet: expected true or false, got 'yes'"},
      {"OffAsBool", head + "quiet: off\n", "quiet: expected true or false, got 'off'"},
      {"CapitalTrue", head + "quiet: True\n", "quiet: expected true or false, got 'True'"},
      {"QuotedBool", head + "quiet: \"true\"\n", "quiet: expected true or false, got the quoted text \"true\""},
      {"NumberAsBool", head + "quiet: 1\n", "quiet: expected true or false, got '1'"},
      {"TextAsInteger", head + "seed: many\n", "demo.yaml:3:7: seed: expected an integer (decimal digits"},
      {"NullAsInteger", head + "seed:\n", "seed: expected an integer, got nothing (null)"},
      {"QuotedInteger", head + "seed: '5'\n", "seed: expected an integer, got the quoted text \"5\""},
      {"HexInteger", head + "seed: 0x10\n", "seed: expected an integer (decimal digits"},
      {"OctalInteger", head + "seed: 010\n", "seed: expected an integer (decimal digits"},
      {"NewOctalInteger", head + "seed: 0o10\n", "seed: expected an integer (decimal digits"},
      {"UnderscoreInteger", head + "seed: 1_000\n", "seed: expected an integer (decimal digits"},
      {"PlusInteger", head + "seed: +1\n", "seed: expected an integer (decimal digits"},
      {"ExponentInteger", head + "seed: 1e3\n", "seed: expected an integer (decimal digits"},
      {"FractionInteger", head + "seed: 5.0\n", "seed: expected an integer (decimal digits"},
      {"Sexagesimal", head + "seed: 1:30\n", "seed: expected an integer (decimal digits"},
      {"NegativeUnsigned", head + "seed: -1\n", "seed: expected an integer from 0 to 18446744073709551615, got '-1'"},
      {"TooLargeFor64Bits", head + "seed: 18446744073709551616\n", "seed: expected an integer from 0 to"},
      {"TooLargeFor32Bits", head + "threads: 4294967296\n", "threads: expected an integer from 0 to 4294967295"},
      {"TooSmallSigned", head + "offset: -9223372036854775809\n",
       "offset: expected an integer from -9223372036854775808"},
      {"TooLargeSigned32", head + "recipes: {a: {n: 2147483648}}\n",
       "recipes.a.n: expected an integer from -2147483648 to 2147483647, got '2147483648'"},
      {"TextAsNumber", head + "rate: fast\n", "demo.yaml:3:7: rate: expected a finite number such as 0.5 or 1e-5"},
      {"NotANumber", head + "rate: .nan\n", "rate: expected a finite number"},
      {"PlainNan", head + "rate: nan\n", "rate: expected a finite number"},
      {"Infinity", head + "rate: -.inf\n", "rate: expected a finite number"},
      {"PlainInfinity", head + "rate: inf\n", "rate: expected a finite number"},
      {"HugeNumber", head + "rate: 1e999\n", "rate: expected a number of double precision, got '1e999'"},
      {"TinyNumber", head + "rate: 1e-999\n", "rate: expected a number of double precision"},
      {"HexNumber", head + "rate: 0x1p3\n", "rate: expected a finite number"},
      {"LeadingZeroNumber", head + "rate: 010\n", "rate: expected a finite number"},
      {"DecimalComma", head + "rate: 0,5\n", "rate: expected a finite number"},
      {"QuotedNumber", head + "rate: \"0.5\"\n", "rate: expected a number, got the quoted text \"0.5\""},
      {"UnknownName", "name: toy\npairs:\n  - {path: a, format: hhh}\n",
       "demo.yaml:3:23: pairs[0].format: expected one of trl, hh, summarize, got 'hhh'"},
      {"NameInCapitals", "name: toy\npairs:\n  - {path: a, format: HH}\n",
       "expected one of trl, hh, summarize, got 'HH'"},
      {"ListAsName", "name: toy\npairs:\n  - {path: a, format: [hh]}\n",
       "expected one of trl, hh, summarize, got a list"},
      {"WrongItem", head + "tags: [a, ~]\n", "tags[1]: expected a text, got nothing (null)"},
      {"WrongLimit", head + "limits: {a: 1, b: x}\n", "limits.b: expected an integer"},
      {"ControlInValue", head + "seed: \"\\e[31m\"\n", "got the quoted text \"\\x1b[31m\""},
      // checks between fields
      {"FailedCheck", head + "recipes: {a: {n: 1}}\n", "demo.yaml:3:18: recipes.a.n: expected at least 2, got '1'"},
      {"FailedCheckOfADefault", head + "shares:\n  test: 0.5\n",
       "demo.yaml:4:3: shares.train: expected shares that add up to 1; the default does not fit here"},
  };
  return table;
}

class MalformedDocument : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedDocument, IsRefusedWithPlaceAndReason) {
  EXPECT_THAT(message_of(GetParam().text), HasSubstr(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(Table, MalformedDocument, ::testing::ValuesIn(malformed_documents()),
                         [](const auto& tested) { return tested.param.name; });

TEST(Messages, AreShownTogetherButNotMoreThanFive) {
  const std::string message = message_of("seed: x\nquiet: 3\nrate: y\na: 1\nb: 2\nc: 3\n");
  EXPECT_THAT(message, HasSubstr("demo.yaml:1:1: missing required key 'name'"));
  EXPECT_THAT(message, HasSubstr("demo.yaml:1:7: seed: expected an integer"));
  EXPECT_THAT(message, HasSubstr("demo.yaml:2:8: quiet: expected true or false"));
  EXPECT_THAT(message, HasSubstr("\n... and 3 more"));
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 5);
}

TEST(Messages, ChecksKeepQuietWhileTheFieldsThemselvesAreWrong) {
  EXPECT_THAT(message_of(head + "shares: {train: many}\n"), Not(HasSubstr("add up")));
}

TEST(LoadDocument, NamesAFileThatIsNotThere) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "absent.yaml";
  try {
    (void)load_document(path);
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(path), HasSubstr("No such file")));
  }
}

TEST(LoadDocument, RefusesAFolder) {
  const testing::TemporaryFolder folder;
  try {
    (void)load_document(folder.path().string());
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("it is a folder"));
  }
}

TEST(LoadDocument, RefusesAnEndlessFile) { EXPECT_THROW((void)load_document("/dev/zero"), ConfigError); }

}  // namespace
}  // namespace westofn::config
