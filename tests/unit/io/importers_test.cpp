// SPDX-License-Identifier: Apache-2.0
// Rows of published data sets become prompts, responses, groups and reasons.
#include "io/importers/importer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "util/error.h"

namespace westofn::io {
namespace {

using nlohmann::json;

Imported<ImportedPair> import(PairFormat format, const json& row) {
  const TextPlace place{"rows.jsonl", 1};
  return import_pair(format, JsonValue(row, place));
}

ImportedPair pair_of(PairFormat format, const json& row) {
  const auto imported = import(format, row);
  if (const auto* reason = std::get_if<DropReason>(&imported)) {
    ADD_FAILURE() << "dropped: " << to_string(*reason);
    return {};
  }
  return std::get<ImportedPair>(imported);
}

std::string reason_of(PairFormat format, const json& row) {
  const auto imported = import(format, row);
  const auto* reason = std::get_if<DropReason>(&imported);
  return reason == nullptr ? "a pair" : std::string(to_string(*reason));
}

json user(const std::string& text) { return {{"role", "user"}, {"content", text}}; }
json assistant(const std::string& text) { return {{"role", "assistant"}, {"content", text}}; }
json hh_row(const std::string& chosen, const std::string& rejected) {
  return {{"chosen", chosen}, {"rejected", rejected}};
}

const std::string opening = "\n\nHuman: hi there \n\nAssistant: hello\n\nHuman: why?\n\nAssistant:";

TEST(HhImporter, CutsAfterTheLastCommonAssistantTurn) {
  const auto pair = pair_of(PairFormat::hh, hh_row(opening + " because. ", opening + " be quiet\n"));
  EXPECT_EQ(pair.prompt, opening);
  EXPECT_EQ(pair.chosen, "because.");
  EXPECT_EQ(pair.rejected, "be quiet");
  EXPECT_EQ(pair.group, "hi there");
  EXPECT_FALSE(pair.id || pair.confidence || pair.split || pair.labelled_half);
}

TEST(HhImporter, KeepsCharactersWholeWhenTheResponsesBeginAlike) {
  const auto pair = pair_of(PairFormat::hh, hh_row(opening + " caf\u00e9", opening + " caf\u00e8"));
  EXPECT_EQ(pair.chosen, "caf\u00e9");
  EXPECT_EQ(pair.rejected, "caf\u00e8");
}

TEST(HhImporter, DropsRowsWithAReason) {
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row(opening + " a\n\nHuman: b\n\nAssistant: c", opening + " d")),
            "further_turn");
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row(opening + " d", opening + " a\n\nHuman: b")), "further_turn");
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row(opening + " d", opening + " a\n\nAssistant: b")), "further_turn");
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row(opening + " \n", opening + " d")), "empty_response");
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row(opening + " d", opening)), "empty_response");
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row(opening + " d", opening + "  d ")), "equal_responses");
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row("\n\nHuman: a\n\nAssistant: b", "\n\nHuman: c\n\nAssistant: d")),
            "no_common_prompt");
  EXPECT_EQ(reason_of(PairFormat::hh, hh_row("", "")), "no_common_prompt");
}

TEST(TrlImporter, TakesAnExplicitPrompt) {
  const auto pair = pair_of(PairFormat::trl, {{"prompt", " a post "}, {"chosen", " good "}, {"rejected", "bad"}});
  EXPECT_EQ(pair.prompt, " a post ");
  EXPECT_EQ(pair.chosen, "good");
  EXPECT_EQ(pair.rejected, "bad");
  EXPECT_EQ(pair.group, " a post ");
}

TEST(TrlImporter, TakesFurtherColumns) {
  const json row = {{"prompt", "p"},   {"chosen", "a"},        {"rejected", "b"},
                    {"id", 17},        {"group", "g"},         {"confidence", 0.5},
                    {"split", "test"}, {"half", "unlabelled"}, {"score_chosen", "?"}};
  const auto pair = pair_of(PairFormat::trl, row);
  EXPECT_EQ(pair.id, "17");
  EXPECT_EQ(pair.group, "g");
  EXPECT_EQ(pair.confidence, 0.5);
  EXPECT_EQ(pair.split, Split::test);
  EXPECT_EQ(pair.labelled_half, false);
  EXPECT_EQ(pair_of(PairFormat::trl, {{"prompt", "p"}, {"chosen", "a"}, {"rejected", "b"}, {"half", "labelled"}})
                .labelled_half,
            true);
}

TEST(TrlImporter, KnowsEverySplit) {
  const std::map<std::string, Split> splits = {
      {"train", Split::train}, {"validation", Split::validation}, {"test", Split::test}, {"judge", Split::judge}};
  for (const auto& [name, split] : splits) {
    EXPECT_EQ(pair_of(PairFormat::trl, {{"prompt", "p"}, {"chosen", "a"}, {"rejected", "b"}, {"split", name}}).split,
              split);
  }
}

TEST(TrlImporter, TreatsNullLikeAMissingColumn) {
  const auto pair =
      pair_of(PairFormat::trl, {{"prompt", nullptr}, {"chosen", "x y a"}, {"rejected", "x y b"}, {"id", nullptr}});
  EXPECT_EQ(pair.prompt, "x y");
  EXPECT_FALSE(pair.id);
}

TEST(TrlImporter, CutsPlainTextsAtTheLastCommonWhiteSpace) {
  const auto pair = pair_of(PairFormat::trl, hh_row("The sky is blue.", "The sky is black."));
  EXPECT_EQ(pair.prompt, "The sky is");
  EXPECT_EQ(pair.chosen, "blue.");
  EXPECT_EQ(pair.rejected, "black.");
  EXPECT_EQ(reason_of(PairFormat::trl, hh_row("blue", "black")), "no_common_prompt");
  EXPECT_EQ(reason_of(PairFormat::trl, hh_row(" blue", " black")), "no_common_prompt");
  EXPECT_EQ(reason_of(PairFormat::trl, hh_row("The sky is ", "The sky is")), "equal_responses");
}

TEST(TrlImporter, UsesTheRuleOfHhForTranscripts) {
  const auto pair = pair_of(PairFormat::trl, hh_row(opening + " because yes", opening + " because no"));
  EXPECT_EQ(pair.prompt, opening);
  EXPECT_EQ(pair.chosen, "because yes");
  EXPECT_EQ(reason_of(PairFormat::trl, hh_row(opening + " a\n\nHuman: b", opening + " c")), "further_turn");
}

TEST(TrlImporter, RendersAnExplicitChat) {
  const json prompt = {
      {{"role", "system"}, {"content", "Be kind."}}, user("hi there"), assistant("hello"), user("why?")};
  const auto pair = pair_of(PairFormat::trl,
                            {{"prompt", prompt}, {"chosen", {assistant("because")}}, {"rejected", {assistant("no")}}});
  EXPECT_EQ(pair.prompt, "\n\nSystem: Be kind.\n\nHuman: hi there\n\nAssistant: hello\n\nHuman: why?\n\nAssistant:");
  EXPECT_EQ(pair.chosen, "because");
  EXPECT_EQ(pair.rejected, "no");
  EXPECT_EQ(pair.group, "hi there");
}

TEST(TrlImporter, FindsThePromptOfAnImplicitChat) {
  const json chosen = {user("hi there"), assistant("hello"), user("why?"), assistant("because")};
  const json rejected = {user("hi there"), assistant("hello"), user("why?"), assistant("no")};
  const auto pair = pair_of(PairFormat::trl, {{"chosen", chosen}, {"rejected", rejected}});
  EXPECT_EQ(pair.prompt, "\n\nHuman: hi there\n\nAssistant: hello\n\nHuman: why?\n\nAssistant:");
  EXPECT_EQ(pair.chosen, "because");
  EXPECT_EQ(pair_of(PairFormat::trl, {{"prompt", "hi there"}, {"chosen", chosen}, {"rejected", rejected}}).prompt,
            pair.prompt);
}

TEST(TrlImporter, MakesAChatOfATextPromptWithMessages) {
  const auto pair =
      pair_of(PairFormat::trl, {{"prompt", "hi"}, {"chosen", {assistant("a")}}, {"rejected", {assistant("b")}}});
  EXPECT_EQ(pair.prompt, "\n\nHuman: hi\n\nAssistant:");
}

TEST(TrlImporter, DropsChatsWithAReason) {
  const auto reason = [](const json& chosen, const json& rejected) {
    return reason_of(PairFormat::trl, {{"chosen", chosen}, {"rejected", rejected}});
  };
  EXPECT_EQ(reason({user("a"), assistant("b")}, {user("c"), assistant("d")}), "no_common_prompt");
  EXPECT_EQ(reason({user("a"), assistant("b"), user("c"), assistant("d")}, {user("a"), assistant("e")}),
            "further_turn");
  EXPECT_EQ(reason({user("a"), assistant("b")}, {user("a"), assistant("b"), user("c")}), "further_turn");
  EXPECT_EQ(reason({user("a"), assistant("b")}, {user("a"), assistant("b")}), "equal_responses");
  EXPECT_EQ(reason({user("a"), assistant("b")}, {user("a"), assistant(" ")}), "empty_response");
  EXPECT_EQ(reason(json::array(), json::array()), "no_common_prompt");
  EXPECT_EQ(reason_of(PairFormat::trl, {{"prompt", "p"}, {"chosen", {assistant("a")}}, {"rejected", json::array()}}),
            "empty_response");
  EXPECT_EQ(reason_of(PairFormat::trl, {{"prompt", " "}, {"chosen", "a"}, {"rejected", "b"}}), "empty_prompt");
}

json post_row(int choice, const std::string& split) {
  return {{"info", {{"id", "t3_1"}, {"post", "I fell."}, {"title", "Help"}, {"subreddit", "legal"}}},
          {"summaries",
           {{{"text", " fell"}, {"policy", "ref"}, {"note", nullptr}}, {{"text", " rose"}, {"policy", "sup4"}}}},
          {"choice", choice},
          {"worker", "w"},
          {"batch", "batch9"},
          {"split", split},
          {"extra", {{"confidence", 8}}}};
}

TEST(SummarizeImporter, WritesAPostAsOpenAiDoes) {
  const auto pair = pair_of(PairFormat::summarize, post_row(1, "train"));
  EXPECT_EQ(pair.prompt, "SUBREDDIT: r/legal\n\nTITLE: Help\n\nPOST: I fell.\n\nTL;DR:");
  EXPECT_EQ(pair.chosen, "rose");
  EXPECT_EQ(pair.rejected, "fell");
  EXPECT_EQ(pair.group, "t3_1");
  EXPECT_EQ(pair.confidence, 8);
  EXPECT_FALSE(pair.id);
}

TEST(SummarizeImporter, FollowsChoiceAndSplit) {
  EXPECT_EQ(pair_of(PairFormat::summarize, post_row(0, "train")).chosen, "fell");
  EXPECT_EQ(pair_of(PairFormat::summarize, post_row(0, "train")).split, Split::train);
  EXPECT_EQ(pair_of(PairFormat::summarize, post_row(0, "valid1")).split, Split::validation);
  EXPECT_EQ(pair_of(PairFormat::summarize, post_row(0, "valid2")).split, Split::test);
}

TEST(SummarizeImporter, TakesNewsAndMissingExtras) {
  json row = post_row(0, "valid2");
  row["info"] = {{"id", "x"}, {"article", "News."}, {"title", "T"}, {"site", "s"}};
  row["extra"] = {{"confidence", nullptr}};
  const auto pair = pair_of(PairFormat::summarize, row);
  EXPECT_EQ(pair.prompt, "Article:\nNews.\n\nTL;DR:");
  EXPECT_FALSE(pair.confidence);
  row.erase("extra");
  row.erase("split");
  EXPECT_FALSE(pair_of(PairFormat::summarize, row).split);
}

json completion(const std::string& response, double score) {
  return {{"response", response}, {"overall_score", score}};
}

TEST(UltrafeedbackImporter, TakesTheHighestAgainstTheLowestScore) {
  const json row = {
      {"instruction", "Sing."},
      {"completions",
       {completion("b", 5), completion("a", 8), completion("c", 2.5), completion("d", 8), completion("e", 2.5)}}};
  const auto pair = pair_of(PairFormat::ultrafeedback, row);
  EXPECT_EQ(pair.prompt, "\n\nHuman: Sing.\n\nAssistant:");
  EXPECT_EQ(pair.group, "Sing.");
  EXPECT_EQ(pair.chosen, "a");
  EXPECT_EQ(pair.rejected, "c");
  EXPECT_EQ(pair.confidence, 5.5);
}

TEST(UltrafeedbackImporter, UsesTheFineGrainedScoreWithoutAnOverallOne) {
  const json row = {{"instruction", "Sing."},
                    {"completions",
                     {{{"response", "b"}, {"fine-grained_score", 1}}, {{"response", "a"}, {"fine-grained_score", 2}}}}};
  EXPECT_EQ(pair_of(PairFormat::ultrafeedback, row).chosen, "a");
}

TEST(UltrafeedbackImporter, TakesTheBinarisedShape) {
  json row = {{"prompt", "Sing."},
              {"prompt_id", "77"},
              {"messages", json::array()},
              {"chosen", {user("Sing."), assistant("la")}},
              {"rejected", {user("Sing."), assistant("no")}},
              {"score_chosen", 8.5},
              {"score_rejected", 7}};
  const auto pair = pair_of(PairFormat::ultrafeedback, row);
  EXPECT_EQ(pair.prompt, "\n\nHuman: Sing.\n\nAssistant:");
  EXPECT_EQ(pair.confidence, 1.5);
  row["score_rejected"] = 8.5;
  EXPECT_EQ(reason_of(PairFormat::ultrafeedback, row), "tied_scores");
  row.erase("score_chosen");
  row.erase("score_rejected");
  EXPECT_FALSE(pair_of(PairFormat::ultrafeedback, row).confidence);
}

TEST(UltrafeedbackImporter, DropsRowsThatDoNotSayWhatIsBetter) {
  const auto reason = [](const json& completions) {
    return reason_of(PairFormat::ultrafeedback, {{"instruction", "Sing."}, {"completions", completions}});
  };
  EXPECT_EQ(reason(json::array()), "one_response");
  EXPECT_EQ(reason(json::array({completion("a", 1)})), "one_response");
  EXPECT_EQ(reason({completion("a", 1), completion("b", 1)}), "tied_scores");
  EXPECT_EQ(reason({completion("a", 1), completion("a", 2)}), "equal_responses");
}

ImportedPrompt prompt_of(const json& row) {
  const TextPlace place{"rows.jsonl", 1};
  return import_prompt(JsonValue(row, place));
}

TEST(PromptImporter, TakesTextsAndChats) {
  EXPECT_EQ(prompt_of({{"prompt", "p"}}).group, "p");
  EXPECT_EQ(prompt_of({{"prompt", "p"}, {"group", 5}, {"id", "i"}}).group, "5");
  EXPECT_EQ(prompt_of({{"prompt", "p"}, {"id", "i"}}).id, "i");
  EXPECT_EQ(prompt_of({{"prompt", ""}}).prompt, "");
  EXPECT_EQ(prompt_of({{"prompt", {user("q")}}}).prompt, "\n\nHuman: q\n\nAssistant:");
}

TEST(PromptImporter, PutsAllBeginningsOfADialogueIntoOneGroup) {
  const std::string first = "\n\nHuman: hi there \n\nAssistant:";
  EXPECT_EQ(prompt_of({{"prompt", first}}).group, prompt_of({{"prompt", opening}}).group);
}

TEST(DemonstrationImporter, KnowsThreeNamesOfTheResponse) {
  const TextPlace place{"rows.jsonl", 1};
  for (const char* key : {"response", "completion", "summary"}) {
    const json row = {{"prompt", "p"}, {key, " r "}, {"id", 3}};
    const auto demonstration = std::get<ImportedDemonstration>(import_demonstration(JsonValue(row, place)));
    EXPECT_EQ(demonstration.response, "r");
    EXPECT_EQ(demonstration.id, "3");
    EXPECT_EQ(demonstration.group, "p");
  }
  const json empty = {{"prompt", "p"}, {"response", ""}};
  EXPECT_EQ(std::get<DropReason>(import_demonstration(JsonValue(empty, place))), DropReason::empty_response);
  const json no_prompt = {{"prompt", ""}, {"response", "r"}};
  EXPECT_EQ(std::get<DropReason>(import_demonstration(JsonValue(no_prompt, place))), DropReason::empty_prompt);
}

TEST(DropReasons, HaveDistinctNames) {
  std::set<std::string_view> names;
  for (const DropReason reason : all_drop_reasons) names.insert(to_string(reason));
  EXPECT_EQ(names.size(), std::size(all_drop_reasons));
}

}  // namespace
}  // namespace westofn::io
