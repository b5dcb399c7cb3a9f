// SPDX-License-Identifier: Apache-2.0
// The stage `matches` with the toy base model as its judge: what it writes, and that neither ranks nor restarts matter.
#include "synthesis/matches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>

#include "io/match_file.h"
#include "io/pool_file.h"
#include "scoring/inputs.h"
#include "scoring/scores.h"
#include "selection/bracket.h"
#include "support/stage_runs.h"
#include "util/error.h"
#include "util/philox.h"

namespace westofn::synthesis {
namespace {

namespace fs = std::filesystem;
using selection::Rule;
using testing::world;

constexpr std::int64_t shards = 5;
constexpr std::int64_t prompts_per_shard = 3;
constexpr std::int32_t pool_size = 6;

/// Words of the toy language; some responses are equal, some empty.
std::string some_words(RandomSequence& random, std::uint32_t most) {
  static const std::vector<std::string> words = {"my",   "cat", "fell",  "and", "dog",
                                                 "left", "so",  "zebra", "i",   "called"};
  std::string text;
  for (std::uint32_t left = random.below(most + 1); left > 0; --left) {
    text += (text.empty() ? "" : " ") + words[random.below(static_cast<std::uint32_t>(words.size()))];
  }
  return text;
}

/// Pools and a preference model that all ranks see.
class Matches : public testing::StageRuns {
 protected:
  Matches() {
    inputs_.settings.n = pool_size;
    inputs_.pools = {"pools", folder_ + "/pools", "1"};
    inputs_.preference = {"preference", folder_ + "/preference", "2"};
    if (world().rank() == 0) {
      write_pools();
      fs::copy(WESTOFN_TOY_MODEL, inputs_.preference.folder);
      write_format(std::nullopt);
    }
    world().barrier();
  }

  void write_format(std::optional<std::int64_t> max_input_tokens) const {
    scoring::ScoringConfig config;
    config.template_text = tokenizer::default_pairwise_template;
    config.max_input_tokens = max_input_tokens;
    scoring::write_scoring_config(inputs_.preference.folder, config);
  }

  void write_pools() const {
    fs::create_directories(inputs_.pools.folder);
    io::Manifest manifest{"pools", "1", "build", {}, {}, "", {{"unlabelled_prompts", shards * prompts_per_shard}}};
    RandomSequence random(Philox("matches test", 1, 0, ""));
    for (std::int64_t shard = 0; shard < shards; ++shard) {
      std::vector<Pool> pools;
      for (std::int64_t i = 0; i < prompts_per_shard; ++i) {
        Pool pool;
        pool.index = shard * prompts_per_shard + i;
        pool.prompt.id = "p" + std::to_string(pool.index);
        pool.prompt.text = some_words(random, 12);
        for (std::int32_t k = 0; k < pool_size; ++k) {
          pool.samples.push_back({k, {5, 1}, pool.index == 4 ? "same" : some_words(random, 5), -1.5, true});
        }
        pools.push_back(std::move(pool));
      }
      const auto name = io::pool_file_name(PromptSet::unlabelled, 0, shard);
      manifest.files.push_back(io::write_pool(inputs_.pools.folder + "/" + name, pools));
    }
    io::write_manifest(inputs_.pools.folder, manifest);
  }

  [[nodiscard]] app::StageSpec spec() const override { return matches_spec(inputs_); }
  std::optional<io::Manifest> run(app::JobContext& job, const app::RunFolder& folder) override {
    return make_matches(job, folder, spec(), inputs_);
  }

  [[nodiscard]] std::vector<io::MatchShard> read(const std::string& name) const {
    std::vector<io::MatchShard> found;
    for (std::int64_t shard = 0; shard < shards; ++shard) {
      found.push_back(io::read_matches(stage(name) + "/" + io::pool_file_name(PromptSet::unlabelled, 0, shard)));
    }
    return found;
  }

  [[nodiscard]] std::int64_t count_cycles(const std::vector<io::MatchShard>& found) const {
    std::int64_t cycles = 0;
    std::vector<Match> matches;
    for (const auto& shard : found) matches.insert(matches.end(), shard.matches.begin(), shard.matches.end());
    for (const auto& pool : io::read_pools(inputs_.pools.folder, PromptSet::unlabelled)) {
      const auto contest = selection::make_contest(
          inputs_.settings.rule, selection::contestants(pool.samples, pool_size), inputs_.seed, pool.prompt.id);
      std::vector<Match> own;
      std::ranges::copy_if(matches, std::back_inserter(own),
                           [&](const Match& match) { return match.prompt == pool.index; });
      cycles += selection::replay(*contest, own).cycle ? 1 : 0;
    }
    return cycles;
  }

  MatchesInputs inputs_;
};

TEST_F(Matches, HaveTheProbabilitiesOfEachPairAskedAlone) {
  make(world(), "run");
  const auto pools = io::read_pools(inputs_.pools.folder, PromptSet::unlabelled);
  const auto model = inference::Engine::load(WESTOFN_TOY_MODEL, {});
  const auto tokenizer = tokenizer::Tokenizer::load(WESTOFN_TOY_MODEL, model.config().vocab_size);
  const auto p = [&](const Pool& pool, std::int32_t a, std::int32_t b) {
    const std::string& first = pool.samples[static_cast<std::size_t>(a)].response;
    const std::string& second = pool.samples[static_cast<std::size_t>(b)].response;
    const std::vector<tokenizer::Tokens> input = {tokenizer.encode_with_end(
        "[CONTEXT] " + pool.prompt.text + " [RESPONSE A] " + first + " [RESPONSE B] " + second)};
    return scoring::label_probabilities(model, input, tokenizer.label("A"), tokenizer.label("B"), {})[0];
  };
  const io::MatchShard shard = read("run").front();
  ASSERT_FALSE(shard.matches.empty());
  for (const auto& match : shard.matches) {
    const Pool& pool = pools[static_cast<std::size_t>(match.prompt)];
    EXPECT_NEAR(match.p_ab, p(pool, match.a, match.b), 1e-5);
    EXPECT_NEAR(match.p_ba_swapped, p(pool, match.b, match.a), 1e-5);
  }
}

TEST_F(Matches, AreCountedInTheManifest) {
  const io::Manifest manifest = make(world(), "run");
  std::int64_t matches = 0;
  std::int64_t disagreements = 0;
  std::int64_t bias_ppm = 0;
  std::map<PairOutcome, std::int64_t> outcomes;
  for (const auto& shard : read("run")) {
    matches += static_cast<std::int64_t>(shard.matches.size());
    for (const auto outcome : shard.outcomes) ++outcomes[outcome];
    for (const auto& match : shard.matches) {
      const bool first_by_ab = match.p_ab > 0.5;
      const bool first_by_ba = 1 - match.p_ba_swapped > 0.5;
      disagreements += first_by_ab != first_by_ba ? 1 : 0;
      bias_ppm += std::llround((match.p_ab + match.p_ba_swapped - 1) * 1e6);
    }
  }
  const auto mean_bias = std::llround(static_cast<double>(bias_ppm) / static_cast<double>(matches));
  EXPECT_GT(matches, 5 * outcomes[PairOutcome::kept]);
  EXPECT_EQ(outcomes[PairOutcome::one_response], 1);
  EXPECT_EQ(manifest.counts, (std::map<std::string, std::int64_t>{{"prompts", shards * prompts_per_shard},
                                                                  {"kept", outcomes[PairOutcome::kept]},
                                                                  {"one_response", 1},
                                                                  {"too_long", 0},
                                                                  {"non_finite", 0},
                                                                  {"matches", matches},
                                                                  {"scored", 2 * matches},
                                                                  {"cycles", count_cycles(read("run"))},
                                                                  {"both_orders", matches},
                                                                  {"order_disagreements", disagreements},
                                                                  {"position_bias_ppm", mean_bias}}));
}

TEST_F(Matches, AreTheSameBytesForOneRankAndForAll) { expect_same_bytes_for_one_rank_and_for_all(); }

TEST_F(Matches, AreTheSameBytesWhenALaterJobMakesTheMissingShards) {
  expect_same_bytes_after_losing({"unlabelled-00000-00001.h5", "unlabelled-00000-00003.h5"});
}

TEST_F(Matches, OfTheTournamentAreNotAskedAgain) {
  make(world(), "run");
  inputs_.settings.rule = Rule::best_random;
  const auto fresh = make(world(), "fresh");
  const auto helped = make(world(), "run");
  EXPECT_EQ(helped.counts.at("matches"), fresh.counts.at("matches"));
  EXPECT_EQ(fresh.counts.at("scored"), 2 * fresh.counts.at("matches"));
  EXPECT_LE(helped.counts.at("scored"), 2 * helped.counts.at("kept"));
  EXPECT_EQ(helped.key, fresh.key) << "what is known saves work, it changes nothing";
}

TEST_F(Matches, OfDamagedEarlierFilesAreAskedAgain) {
  make(world(), "run");
  const std::string earlier = stage("run");
  world().barrier();
  if (world().rank() == 0) {
    for (std::int64_t shard = 0; shard < shards; ++shard) {
      fs::resize_file(earlier + "/" + io::pool_file_name(PromptSet::unlabelled, 0, shard), 100);
    }
  }
  world().barrier();
  inputs_.settings.rule = Rule::best_random;
  const auto counts = make(world(), "run").counts;
  EXPECT_EQ(counts.at("scored"), 2 * counts.at("matches"));
}

TEST_F(Matches, OfFewerResponsesPlayOnlyWhatIsNew) {
  make(world(), "run");
  inputs_.settings.n = pool_size / 2;
  const auto fresh = make(world(), "fresh");
  const auto helped = make(world(), "run");
  EXPECT_LT(helped.counts.at("scored"), fresh.counts.at("scored"));
  EXPECT_EQ(helped.counts.at("order_disagreements"), fresh.counts.at("order_disagreements"));
}

TEST_F(Matches, AreNotAskedAtAllWhereAllPairsHaveMet) {
  inputs_.settings.rule = Rule::exact;
  make(world(), "run");
  for (const auto rule : {Rule::tournament, Rule::self_training, Rule::best_random}) {
    inputs_.settings.rule = rule;
    EXPECT_EQ(make(world(), "run").counts.at("scored"), 0);
  }
}

TEST_F(Matches, OfAnotherPreferenceModelAreAskedAnew) {
  make(world(), "run");
  inputs_.preference.key = "3";
  const auto counts = make(world(), "run").counts;
  EXPECT_EQ(counts.at("scored"), 2 * counts.at("matches"));
}

TEST_F(Matches, OfPartsAreTheSameBytesAndTheLastJobCompletesThem) {
  make(world(), "whole");
  inputs_.part = app::ShardPart("0:2");
  EXPECT_FALSE(make_part(world(), "run"));
  inputs_.part = app::ShardPart("2:");
  EXPECT_TRUE(make_part(world(), "run"));
  EXPECT_EQ(contents("run"), contents("whole"));
  world().barrier();
}

/// What the job says, on whichever rank.
std::string message_of(const std::function<void()>& job) {
  try {
    job();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::data);
    return error.what();
  }
  return "no error";
}

/// A reward model with a head of its own on the toy base model.
void write_teacher(const std::string& folder) {
  const auto t5 = model::T5::load(WESTOFN_TOY_MODEL, {});
  model::save_reward_head(folder, model::random_head(t5, 3), {});
  scoring::ScoringConfig config;
  config.kind = scoring::ScoreKind::pointwise;
  config.template_text = tokenizer::default_pointwise_template;
  scoring::write_scoring_config(folder, config);
}

TEST_F(Matches, OfAPointwiseTeacherHaveTheScoresOfEachResponseAskedAlone) {
  inputs_.settings.rule = Rule::pointwise;
  if (world().rank() == 0) write_teacher(inputs_.preference.folder);
  world().barrier();
  const io::Manifest manifest = make(world(), "run");
  const auto pools = io::read_pools(inputs_.pools.folder, PromptSet::unlabelled);
  const auto teacher = scoring::load_reward_engine(inputs_.preference.folder, {});
  const auto tokenizer = tokenizer::Tokenizer::load(WESTOFN_TOY_MODEL, teacher.t5.config().vocab_size);
  std::int64_t scores = 0;
  for (const auto& shard : read("run")) {
    for (const auto& entry : shard.scores) {
      const Pool& pool = pools[static_cast<std::size_t>(entry.prompt)];
      const std::string& response = pool.samples[static_cast<std::size_t>(entry.sample)].response;
      const std::vector<tokenizer::Tokens> input = {
          tokenizer.encode_with_end("[CONTEXT] " + pool.prompt.text + " [RESPONSE] " + response)};
      EXPECT_NEAR(entry.score, scoring::rewards(teacher, input, {})[0], 1e-5);
      ++scores;
    }
  }
  EXPECT_GT(scores, 3 * manifest.counts.at("kept"));
  EXPECT_EQ(manifest.counts.at("scored"), scores) << "each response is asked once";
  EXPECT_EQ(manifest.counts.at("matches"), manifest.counts.at("kept"));
  EXPECT_EQ(manifest.counts.at("order_disagreements"), 0);
  expect_same_bytes_for_one_rank_and_for_all();
}

TEST_F(Matches, NeedAPointwiseTeacherThatIsOne) {
  inputs_.settings.rule = Rule::pointwise;
  const std::string message = message_of([&] { make(world(), "run"); });
  EXPECT_NE(message.find("no pointwise reward model"), std::string::npos) << message;
  world().barrier();
}

TEST_F(Matches, WithoutRoomForTheResponsesAreCountedAsTooLong) {
  if (world().rank() == 0) write_format(14);
  world().barrier();
  const auto counts = make(world(), "run").counts;
  EXPECT_GT(counts.at("too_long"), 0);
  EXPECT_EQ(counts.at("prompts"), counts.at("kept") + counts.at("one_response") + counts.at("too_long"));
}

TEST_F(Matches, StopWhereTheModelGivesNoNumbers) {
  if (world().rank() == 0) {
    const auto model = model::T5::load(WESTOFN_TOY_MODEL, {});
    // Finite, so that the folder can be loaded; their products are not.
    model.decoder()[0].feed_forward.norm_D.fill_(3e38);
    const auto tokenizer = tokenizer::Tokenizer::load(WESTOFN_TOY_MODEL, model.config().vocab_size);
    model::save_t5(inputs_.preference.folder, model, {}, tokenizer.model_bytes());
  }
  world().barrier();
  const std::string message = message_of([&] { make(world(), "run"); });
  EXPECT_NE(message.find("scores that are not numbers"), std::string::npos) << message;
  world().barrier();
}

TEST_F(Matches, NeedAPreferenceModelThatSaysHowItIsAsked) {
  if (world().rank() == 0) fs::remove(inputs_.preference.folder + "/westofn.json");
  world().barrier();
  const std::string message = message_of([&] { make(world(), "run"); });
  EXPECT_NE(message.find("westofn.json"), std::string::npos) << message;
  world().barrier();
}

}  // namespace
}  // namespace westofn::synthesis
