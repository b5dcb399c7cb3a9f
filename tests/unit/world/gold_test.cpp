// SPDX-License-Identifier: Apache-2.0
// The gold reward: cases computed by hand, and rows of an independent implementation (tests/golden/toy_gold.py).
#include "world/gold.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "util/error.h"

namespace westofn::world {
namespace {

// Importance: brother 0, roof 2, baby 0, dog 2, car 1.
const std::string post =
    "hi all , anyway my brother gambled . mainly my roof collapsed . btw my baby giggled . worse my dog howled . "
    "also my car stalled . am i wrong ?";

struct Case {
  std::string name;
  std::string response;
  double gold;
};

void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }

const std::vector<Case>& cases() {
  static const std::vector<Case> table = {
      {"Important", "roof collapsed .", 1.0},
      {"LessImportant", "car stalled .", 0.4},
      {"Unimportant", "brother gambled .", -0.3},
      {"TwoFacts", "roof collapsed and dog howled .", 2.0},
      {"OpenerAndCloser", "help : roof collapsed and dog howled . thanks .", 2.5},
      {"NeutralOpener", "so roof collapsed .", 1.0},
      {"DislikedPhrases", "ugh roof collapsed . whatever .", 1.0 - 0.5 - 0.6},
      {"OtherPhrases", "basically roof collapsed . idk .", 1.0 - 0.2 - 0.3},
      {"WrongEvent", "roof creaked .", -1.2},
      {"NounNotInThePost", "boss yelled .", -1.2},
      {"EventOfAnotherNoun", "roof howled .", -1.2},
      {"Repeated", "roof collapsed and roof collapsed .", 1.0 - 0.6},
      {"RightAfterWrong", "roof creaked and roof collapsed .", -1.2 - 0.6},
      {"RepeatedUnknownNoun", "boss yelled and boss yelled .", -1.2 - 0.6},
      {"Empty", "", -1.0},
      {"OnlyAPoint", ".", -1.0},
      {"OnlyAnOpener", "um .", -0.4 - 1.0},
      {"OnlyACloser", "lol .", -0.5 - 1.0},
      {"NoPoint", "roof collapsed", 1.0 - 1.0},
      {"CommaForPoint", "roof collapsed ,", 1.0 - 1.0},
      {"TrailingAnd", "roof collapsed and .", 1.0 - 1.0},
      {"LeadingAnd", "and roof collapsed .", 1.0 - 1.0},
      {"MissingAnd", "roof collapsed dog howled .", 2.0 - 1.0},
      {"DoubleAnd", "roof collapsed and and dog howled .", 2.0 - 1.0},
      {"HalfAMention", "roof collapsed and dog .", 1.0 - 1.0},
      {"NounWithoutEvent", "roof xyzzy collapsed .", -1.0},
      {"WordBeforeTheFact", "my roof collapsed .", 1.0 - 1.0},
      {"HalfAnOpener", "help roof collapsed .", 1.0 - 1.0},
      {"TwoOpeners", "so well roof collapsed .", 1.0 - 1.0},
      {"TwoClosers", "roof collapsed . thanks . lol .", 1.0 - 0.5 - 1.0},
      {"CloserWithoutThePoint", "roof collapsed thanks .", 1.0 + 0.2 - 1.0},
      {"CapitalLetter", "Roof collapsed .", -1.0},
      {"OtherBlanks", "  roof   collapsed\t.\n", 1.0},
      {"TwelveWords", "roof collapsed and dog howled and car stalled and baby giggled .", 2.0 + 0.4 - 0.3},
      {"FifteenWords", "roof collapsed and dog howled and car stalled and baby giggled . please advise .",
       2.1 + 0.4 - 3 * 0.12},
      {"EighteenWords", "help : roof collapsed and dog howled and car stalled and baby giggled . what to do ?",
       2.1 + 0.3 + 0.3 - 6 * 0.12},
      {"ThirteenUnknownWords", "a b c d e f g h i j k l m", -1.0 - 0.12},
  };
  return table;
}

class HandMade : public ::testing::TestWithParam<Case> {};

TEST_P(HandMade, HasTheGoldRewardOfTheSpecification) {
  EXPECT_NEAR(gold(post, GetParam().response), GetParam().gold, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Gold, HandMade, ::testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

TEST(Gold, AgreesWithAnIndependentImplementation) {
  std::ifstream file(WESTOFN_TOY_GOLD);
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const auto row = nlohmann::json::parse(line);
    const auto response = row.at("response").get<std::string>();
    EXPECT_NEAR(gold(row.at("post").get<std::string>(), response), row.at("gold").get<double>(), 1e-9) << line;
  }
  EXPECT_GT(rows, 300);
}

TEST(Gold, IsExactlyEqualForEqualSums) {
  EXPECT_EQ(gold(post, "roof collapsed and car stalled and brother gambled ."),
            gold(post, "brother gambled and car stalled and roof collapsed ."));
}

TEST(Gold, RefusesAPromptOfAnotherWorld) { EXPECT_THROW((void)gold("What is MPI?", "roof collapsed ."), DataError); }

}  // namespace
}  // namespace westofn::world
