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
  const std::string rest = R"("template": "{prompt} {a} {b}", "labels": ["A", "B"], "cut": "start"})";
  refuse("{", "");
  refuse("[]", "");
  refuse(R"({"version": 1, "kind": "pair", )" + rest, "field 'kind': expected likelihood, pairwise, pointwise");
  refuse(R"({"version": 2, "kind": "pairwise", )" + rest, "version 1");
  refuse(R"({"version": 1, "kind": "pairwise", "limit": 3, )" + rest, "unknown key 'limit'");
  refuse(R"({"version": 1, "kind": "pairwise", "max_input_tokens": 0, )" + rest, "max_input_tokens");
  refuse(R"({"version": 1, "kind": "pairwise", "template": "{a}{b}{prompt}", "labels": ["A"], "cut": "end"})",
         "two labels");
  refuse(R"({"version": 1, "kind": "pairwise", "labels": ["A", "B"], "cut": "end"})", "'template'");
  const auto refuse_format = [&](const std::string& kind, const std::string& text, const std::string& labels,
                                 const std::string& part) {
    refuse(R"({"version": 1, "kind": ")" + kind + R"(", "template": ")" + text + R"(", "labels": )" + labels +
               R"(, "cut": "end"})",
           part);
  };
  refuse_format("pairwise", "{prompt} {a}", R"(["A", "B"])", "field 'template'");
  refuse_format("pairwise", "{prompt} {a} {b} {c}", R"(["A", "B"])", "{c} is not known here");
  refuse_format("pointwise", "{prompt} {a} {b}", R"(["A", "B"])", "field 'template'");
  refuse_format("pairwise", "{prompt} {a} {b}", R"(["A", ""])", "'labels[1]': a label must not be empty");
  refuse_format("pairwise", "{prompt} {a} {b}", R"(["A", "A"])", "must differ");
}

}  // namespace
}  // namespace westofn::scoring
