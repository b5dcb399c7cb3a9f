// SPDX-License-Identifier: Apache-2.0
// Documents that are right, and values that the command line replaces in them.
#include "config/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "support/temporary_folder.h"
#include "unit/config/demo_settings.h"
#include "util/error.h"

namespace westofn::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string head = "name: toy\npairs: []\n";

demo::Settings read_text(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return read<demo::Settings>(Document(text, "demo.yaml", overrides));
}

std::string message_of(const std::string& text, const std::vector<std::string>& overrides) {
  try {
    (void)read_text(text, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Read, FillsEveryTypeOfField) {
  const demo::Settings settings = read_text(R"(# a comment
name: toy
seed: 18446744073709551615
quiet: true
rate: 1e-3
threads: 4294967295
offset: -9223372036854775808
pairs:
  - path: a.jsonl
  - {path: b.jsonl, format: summarize, share: 0.25}
shares: {train: 0.5, test: 0.5}
recipes:
  west_of_64: {}
  west_of_8:
    n: 8
    quantiles: [0, 0.5]
judge:
  train: 1
  test: 0
tags: [a, "b c", 'd']
flags: [true, false]
limits: {x: 1, "2": 2}
note: |
  two
  lines
)");
  demo::Settings expected;
  expected.name = "toy";
  expected.seed = 18446744073709551615U;
  expected.quiet = true;
  expected.rate = 1e-3;
  expected.threads = 4294967295U;
  expected.offset = std::numeric_limits<std::int64_t>::min();
  expected.pairs = {{"a.jsonl", demo::Format::trl, {}}, {"b.jsonl", demo::Format::summarize, 0.25}};
  expected.shares = {0.5, 0.5};
  expected.recipes = {{"west_of_64", {}}, {"west_of_8", {8, {0, 0.5}}}};
  expected.judge = demo::Shares{1, 0};
  expected.tags = {"a", "b c", "d"};
  expected.flags = {true, false};
  expected.limits = {{"x", 1}, {"2", 2}};
  expected.note = "two\nlines\n";
  EXPECT_EQ(settings, expected);
}

TEST(Read, KeepsTheDefaultsOfAbsentKeys) {
  demo::Settings expected;
  expected.name = "toy";
  EXPECT_EQ(read_text(head), expected);
}

TEST(Read, TakesAnyScalarForAText) {
  EXPECT_EQ(read_text("name: 0x10\npairs: []\n").name, "0x10");
  EXPECT_EQ(read_text("name: true\npairs: []\n").name, "true");
  EXPECT_EQ(read_text("name: ''\npairs: []\n").name, "");
  EXPECT_EQ(read_text("name: 'null'\npairs: []\n").name, "null");
}

TEST(Read, TakesNullForAnOptionalValueOnly) {
  EXPECT_EQ(read_text(head + "note: ~\njudge: null\n").note, std::nullopt);
  EXPECT_EQ(read_text(head + "note: 'null'\n").note, "null");
}

TEST(Read, AcceptsWindowsLineEndsAndAByteOrderMark) {
  EXPECT_EQ(read_text("\xEF\xBB\xBFname: toy\r\npairs: []\r\nseed: 7\r\n").seed, 7U);
}

TEST(Read, KeepsTheLineBreaksOfBlocks) {
  EXPECT_EQ(read_text(head + "note: |\n  a\n  b\n").note, "a\nb\n");
  EXPECT_EQ(read_text(head + "note: |+\n  a\n\n").note, "a\n\n");
  EXPECT_EQ(read_text(head + "note: |-\n  a\n\n").note, "a");
  EXPECT_EQ(read_text(head + "note: >-\n  a\n  b\nseed: 3\n").note, "a b");
}

TEST(Read, KeepsTheOrderOfNames) {
  const auto settings = read_text(head + "limits: {z: 1, a: 2, m: 3}\n");
  using Limit = std::pair<std::string, std::int64_t>;
  EXPECT_THAT(settings.limits, ElementsAre(Limit{"z", 1}, Limit{"a", 2}, Limit{"m", 3}));
}

TEST(LoadDocument, ReadsAFileAndItsOverrides) {
  const testing::TemporaryFolder folder;
  const Document document = load_document(folder.write("a.yaml", head), {"seed=9"});
  EXPECT_EQ(read<demo::Settings>(document).seed, 9U);
}

TEST(Override, ReplacesAndAddsValues) {
  const std::string text = head + "seed: 1\nshares: {train: 0.9, test: 0.1}\n";
  EXPECT_EQ(read_text(text, {"seed=5"}).seed, 5U);
  EXPECT_EQ(read_text(text, {"shares.train=0.5", "shares.test=0.5"}).shares, (demo::Shares{0.5, 0.5}));
  EXPECT_EQ(read_text(text, {"recipes.new.n=4"}).recipes[0].second.n, 4);
  EXPECT_EQ(read_text(text, {"seed=5", "seed=6"}).seed, 6U);
}

TEST(Override, ValuesAreYaml) {
  const auto settings = read_text(head, {"tags=[a, b]", "judge={train: 1, test: 0}", "note=a=b", "name='5'"});
  EXPECT_THAT(settings.tags, ElementsAre("a", "b"));
  EXPECT_EQ(settings.judge, (demo::Shares{1, 0}));
  EXPECT_EQ(settings.note, "a=b");
  EXPECT_EQ(settings.name, "5");
  EXPECT_EQ(read_text(head + "note: x\n", {"note="}).note, std::nullopt);
}

TEST(Override, ReachesListItemsByEitherSpelling) {
  const std::string text = "name: toy\npairs:\n  - path: a\n  - path: b\n";
  EXPECT_EQ(read_text(text, {"pairs[1].path=c"}).pairs[1].path, "c");
  EXPECT_EQ(read_text(text, {"pairs.0.path=c"}).pairs[0].path, "c");
  EXPECT_EQ(read_text(text, {"pairs[2].path=c"}).pairs.size(), 3U);
  EXPECT_EQ(read_text("name: toy\n", {"pairs[0].path=c"}).pairs[0].path, "c");
}

struct WrongOverride {
  std::string text;
  std::string expected;
};

TEST(Override, IsNamedInEveryMessage) {
  const std::vector<WrongOverride> table = {
      {"seed", "--set seed: expected KEY=VALUE"},
      {"=1", "--set =1: an empty name in the key"},
      {"shares..train=1", "--set shares..train=1: an empty name in the key"},
      {"seeed=1", "--set seeed=1: seeed: unknown key; did you mean 'seed'?"},
      {"seed=x", "--set seed=x: seed: expected an integer"},
      {"seed=[", "perhaps a bracket is not closed"},
      {"seed=\"1", "--set seed=\"1: not valid YAML"},
      {"tags={a: 1, a: 2}", "--set tags={a: 1, a: 2}: the key 'a' stands here twice"},
      {"seed=&a 1", "anchors (&name) are not allowed"},
      {"name.x=1", "--set name.x=1: 'x' would be inside of 'toy' (demo.yaml:1:7)"},
      {"name[0]=1", "'0' would be inside of 'toy'"},
      {"shares[0]=1", "'0' would be inside of a map"},
      {"pairs.first.path=a", "'first' should be the index of a list item"},
      {"pairs[1].path=a", "the list has 0 items, so 1 is no index (0 would add one)"},
      {"pairs[x].path=a", "expected an index such as [0]"},
      {"pairs[0=a", "expected an index such as [0]"},
      {"pairs[0]x=a", "expected an index such as [0]"},
      {"pairs[99999999999999999999]=a", "expected an index such as [0]"},
      {"name=\xff", "not valid UTF-8"},
      {"name=a\nseed: 2", "not valid YAML"},
  };
  for (const WrongOverride& wrong : table) {
    EXPECT_THAT(message_of(head + "shares: {train: 1, test: 0}\n", {wrong.text}), HasSubstr(wrong.expected));
  }
}

TEST(Override, LeavesTheDocumentUnchangedWhenItFails) {
  Document document("name: toy\npairs: []\n", "demo.yaml");
  EXPECT_THROW(document.set("recipes.a.n[0]x=1"), ConfigError);
  EXPECT_EQ(document.root().find("recipes"), nullptr);
}

}  // namespace
}  // namespace westofn::config
