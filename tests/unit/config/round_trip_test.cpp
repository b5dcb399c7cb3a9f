// SPDX-License-Identifier: Apache-2.0
// read(to_yaml(s)) == s for settings of any content.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>

#include "config/config.h"
#include "unit/config/demo_settings.h"
#include "util/philox.h"

namespace westofn::config {
namespace {

demo::Settings round_trip(const demo::Settings& settings) {
  return read<demo::Settings>(Document(to_yaml(settings), "resolved.yaml"));
}

/// Texts that YAML readers like to misread, between random ones.
std::string random_text(RandomSequence& random) {
  static const std::vector<std::string> pieces = {
      "a",
      " ",
      "\n",
      "\t",
      "\r",
      ":",
      ": ",
      "#",
      " #",
      "-",
      "- ",
      "'",
      "\"",
      "\\",
      "null",
      "~",
      "true",
      "yes",
      "0x1F",
      "1e5",
      "12",
      ".5",
      "[",
      "]",
      "{",
      "}",
      ",",
      "&a",
      "*a",
      "!t",
      "|",
      ">",
      "%",
      "@",
      "`",
      "---",
      "...",
      "\xC3\xA9",
      "\xE2\x82\xAC",
      "?",
      "=",
      "<<",
      "\x01",
      "\x7f",
      "\x1b",
      "\xC2\x85",
      "\xC2\x9F",
      "\xE2\x80\xA8",
      "\xEF\xBB\xBF",
      "\xF0\x9F\x98\x80",
      std::string(1, '\0'),
      "\n\n",
  };
  std::string text;
  const std::uint32_t count = random.below(5);
  for (std::uint32_t i = 0; i < count; ++i) text += pieces[random.below(static_cast<std::uint32_t>(pieces.size()))];
  return text;
}

double random_number(RandomSequence& random) {
  while (true) {
    const auto high = static_cast<std::uint64_t>(random.below(0xffffffff)) << 32;
    const double value = std::bit_cast<double>(high | random.below(0xffffffff));
    if (std::isfinite(value)) return value;
  }
}

demo::Settings random_settings(std::uint32_t number) {
  RandomSequence random(Philox("round-trip", 1, 0, "settings"), number);
  demo::Settings settings;
  settings.name = random_text(random);
  settings.seed = std::bit_cast<std::uint64_t>(random_number(random));
  settings.quiet = random.chance(0.5);
  settings.rate = random_number(random);
  settings.threads = random.below(0xffffffff);
  settings.offset = std::bit_cast<std::int64_t>(random_number(random));
  for (std::uint32_t i = random.below(3); i > 0; --i) {
    settings.pairs.push_back({random_text(random), static_cast<demo::Format>(random.below(3)), {}});
    if (random.chance(0.5)) settings.pairs.back().share = random_number(random);
  }
  for (std::uint32_t i = random.below(3); i > 0; --i) {
    settings.recipes.emplace_back(std::to_string(i) + random_text(random), demo::Recipe{});
    for (std::uint32_t k = random.below(12); k > 0; --k) {
      settings.recipes.back().second.quantiles.push_back(random_number(random));
    }
  }
  if (random.chance(0.5)) settings.judge = demo::Shares{0.25, 0.75};
  for (std::uint32_t i = random.below(30); i > 0; --i) settings.tags.push_back(random_text(random));
  for (std::uint32_t i = random.below(3); i > 0; --i) settings.flags.push_back(random.chance(0.5));
  for (std::uint32_t i = random.below(3); i > 0; --i) settings.limits.emplace_back(std::to_string(i), i);
  if (random.chance(0.5)) settings.note = random_text(random);
  return settings;
}

TEST(RoundTrip, GivesTheSameSettingsForAnyContent) {
  for (std::uint32_t number = 0; number < 500; ++number) {
    const demo::Settings settings = random_settings(number);
    ASSERT_EQ(round_trip(settings), settings) << to_yaml(settings);
  }
}

TEST(RoundTrip, KeepsTheSignOfZero) {
  demo::Settings settings;
  settings.rate = -0.0;
  EXPECT_TRUE(std::signbit(round_trip(settings).rate));
}

TEST(ToYaml, WritesAllKeysInAFormThatPeopleCanRead) {
  demo::Settings settings;
  settings.name = "toy run";
  settings.pairs = {{"data/a.jsonl", demo::Format::hh, 0.5}};
  settings.recipes = {{"west_of_64", {}}, {"none", {2, {0, 0.25}}}};
  settings.tags = {"on", "64", "a: b", ""};
  EXPECT_EQ(to_yaml(settings), R"(name: toy run
seed: 1
quiet: false
rate: 1.0e-05
threads: 1
offset: 0
pairs:
  - path: data/a.jsonl
    format: hh
    share: 0.5
shares:
  train: 0.8
  test: 0.2
recipes:
  west_of_64:
    n: 64
    quantiles: []
  none:
    n: 2
    quantiles: [0.0, 0.25]
judge: null
tags: ["on", "64", "a: b", ""]
flags: []
limits: {}
note: null
)");
}

TEST(ToYaml, GivesTheSameTextForTheSameSettings) {
  const demo::Settings settings = random_settings(3);
  EXPECT_EQ(to_yaml(round_trip(settings)), to_yaml(settings));
}

}  // namespace
}  // namespace westofn::config
