// SPDX-License-Identifier: Apache-2.0
#include "scoring/scoring_config.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace westofn::scoring {
namespace {

using testing::expect_data_error;
using testing::TemporaryFolder;

TEST(ScoringConfig, ComesBackFromItsFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path().string();
  EXPECT_EQ(read_scoring_config(path), std::nullopt);
  ScoringConfig config{ScoreKind::pointwise, "{prompt}\n\"{response}\" é", "yes", "no", 37, tokenizer::CutPrompt::end};
  EXPECT_EQ(write_scoring_config(path, config).name, "westofn.json");
  EXPECT_EQ(read_scoring_config(path), config);
  config = {ScoreKind::likelihood, "", "A", "B", std::nullopt, tokenizer::CutPrompt::start};
  write_scoring_config(path, config);
  EXPECT_EQ(read_scoring_config(path), config);
}

TEST(ScoringConfig, DamageIsNamed) {
  const TemporaryFolder folder;
  const auto refuse = [&](const std::string& json, const std::string& part) {
    folder.write("westofn.json", json);
    expect_data_error([&] { (void)read_scoring_config(folder.path().string()); }, "westofn.json");
    expect_data_error([&] { (void)read_scoring_config(folder.path().string()); }, part);
  };
  const std::string rest = R"("template": "{prompt}", "labels": ["A", "B"], "cut": "start"})";
  refuse("{", "");
  refuse("[]", "");
  refuse(R"({"version": 1, "kind": "pair", )" + rest, "field 'kind': expected likelihood, pairwise, pointwise");
  refuse(R"({"version": 2, "kind": "pairwise", )" + rest, "version 1");
  refuse(R"({"version": 1, "kind": "pairwise", "limit": 3, )" + rest, "unknown key 'limit'");
  refuse(R"({"version": 1, "kind": "pairwise", "max_input_tokens": 0, )" + rest, "max_input_tokens");
  refuse(R"({"version": 1, "kind": "pairwise", "template": "x", "labels": ["A"], "cut": "end"})", "two labels");
  refuse(R"({"version": 1, "kind": "pairwise", "labels": ["A", "B"], "cut": "end"})", "'template'");
}

}  // namespace
}  // namespace westofn::scoring
