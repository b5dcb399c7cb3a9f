// SPDX-License-Identifier: Apache-2.0
// The template names every key and is itself a document.
#include "config/describe.h"

#include <gtest/gtest.h>

#include <string>

#include "config/config.h"
#include "unit/config/demo_settings.h"
#include "util/error.h"

namespace westofn::config {
namespace {

TEST(DescribeFields, ShowsTypeDefaultAndPurposeOfEveryKey) {
  EXPECT_EQ(describe_fields<demo::Settings>(), R"(name:  # text, required: name of the run folder
seed: 1  # integer: seed of all random streams
quiet: false  # true or false: no progress lines
rate: 1.0e-05  # number: learning rate
threads: 1  # integer: threads for each rank
offset: 0  # integer: first row
pairs:  # list of section, required: human pairs
  # - path:  # text, required: file of pairs
  #   format: trl  # one of trl, hh, summarize: how a row is written
  #   share: null  # number or null: part of the file that is used
shares:  # section: how the pairs are split
  train: 0.8  # number: for training
  test: 0.2  # number: for the final evaluation
recipes: {}  # map of names to section: how synthetic pairs are made
  # NAME:
  #   n: 64  # integer: responses for each prompt
  #   quantiles: []  # list of number: filter quantiles
judge: null  # section or null: shares of the judge
  # train: 0.8  # number: for training
  # test: 0.2  # number: for the final evaluation
tags: []  # list of text: free words
flags: []  # list of true or false: switches
limits: {}  # map of names to integer: numbers by name
note: null  # text or null: anything
)");
}

TEST(DescribeFields, IsADocumentOnceTheRequiredKeysAreGiven) {
  demo::Settings expected;
  expected.name = "toy";
  const Document document(describe_fields<demo::Settings>(), "template.yaml", {"name=toy", "pairs=[]"});
  EXPECT_EQ(read<demo::Settings>(document), expected);
}

TEST(DescribeFields, RefusesToRunUnfilled) {
  EXPECT_THROW((void)read<demo::Settings>(Document(describe_fields<demo::Settings>(), "template.yaml")), ConfigError);
}

struct WithDefaults {
  std::vector<demo::PairFile> pairs = {{"a.jsonl", demo::Format::hh, {}}};
  Named<demo::Recipe> recipes = {{"small", {2, {}}}};
  bool operator==(const WithDefaults&) const = default;
};

template <class V>
void visit_fields(V& v, WithDefaults& s) {
  v.optional("pairs", s.pairs, "human pairs");
  v.optional("recipes", s.recipes, "recipes");
}

TEST(DescribeFields, WritesDefaultsThatNeedSeveralLines) {
  const Document document(describe_fields<WithDefaults>(), "template.yaml");
  EXPECT_EQ(read<WithDefaults>(document), WithDefaults{});
}

}  // namespace
}  // namespace westofn::config
