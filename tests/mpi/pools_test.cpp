// SPDX-License-Identifier: Apache-2.0
// The stage `pools` with the toy base model: what it writes, and that neither ranks nor restarts change it.
#include "synthesis/pools.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "io/record_file.h"
#include "support/stage_runs.h"
#include "util/error.h"

namespace westofn::synthesis {
namespace {

namespace fs = std::filesystem;
using testing::world;

/// A prepared stage with 5 + 2 unlabelled, 2 validation and 3 test prompts in two files; all ranks see it.
class Pools : public testing::StageRuns {
 protected:
  Pools() {
    inputs_.settings.n = 3;
    inputs_.settings.validation_n = 2;
    inputs_.settings.max_new_tokens = 6;
    inputs_.settings.temperature = 1.2;
    inputs_.runtime.shard_size = 2;
    inputs_.prepared = {"prepare", folder_ + "/prepare", "1"};
    inputs_.policy = {"policy", WESTOFN_TOY_MODEL, "2"};
    using enum PromptSet;
    prepare({{unlabelled, test, unlabelled, unlabelled, validation, unlabelled, unlabelled},
             {test, unlabelled, test, validation, unlabelled}});
  }

  /// Collective. Each list is a prepared file.
  void prepare(const std::vector<std::vector<PromptSet>>& files) {
    world().barrier();
    if (world().rank() == 0) write_prepared(files);
    world().barrier();
  }

  void write_prepared(const std::vector<std::vector<PromptSet>>& files) {
    fs::create_directories(inputs_.prepared.folder);
    io::Manifest manifest{"prepare", "1", "build", {}, {}, "", {}};
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::vector<Prompt> prompts;
      for (const PromptSet set : files[i]) {
        const auto line = static_cast<std::int64_t>(prompts.size()) + 1;
        const std::string id = "p" + std::to_string(i) + "-" + std::to_string(line);
        prompts.push_back({id, "g" + id, "my friend was at home " + id, set, "p.jsonl", line});
      }
      const std::string name = "prompts-0000" + std::to_string(3 * i) + ".h5";  // numbers 0 and 3: others have none
      manifest.files.push_back(io::write_prompts(inputs_.prepared.folder + "/" + name, prompts));
    }
    io::write_manifest(inputs_.prepared.folder, manifest);
  }

  [[nodiscard]] app::StageSpec spec() const override { return pools_spec(inputs_); }
  std::optional<io::Manifest> run(app::JobContext& job, const app::RunFolder& folder) override {
    return make_pools(job, folder, spec(), inputs_);
  }

  PoolsInputs inputs_;
};

TEST_F(Pools, HaveTheirSamplesAndTheirPlacesInTheOrderOfThePreparedFiles) {
  make(world(), "run");
  const std::map<PromptSet, std::pair<std::size_t, std::vector<std::string>>> expected = {
      {PromptSet::unlabelled, {3, {"p0-1", "p0-3", "p0-4", "p0-6", "p0-7", "p1-2", "p1-5"}}},
      {PromptSet::validation, {2, {"p0-5", "p1-4"}}},
      {PromptSet::test, {4, {"p0-2", "p1-1", "p1-3"}}}};
  for (const auto& [set, what] : expected) {
    const auto& [n, ids] = what;
    const auto pools = io::read_pools(stage("run"), set);
    ASSERT_EQ(pools.size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(pools[i].index, static_cast<std::int64_t>(i));
      EXPECT_EQ(pools[i].prompt.id, ids[i]);
      EXPECT_EQ(pools[i].prompt.group, "g" + ids[i]);
      EXPECT_EQ(pools[i].prompt.set, set);
      ASSERT_EQ(pools[i].samples.size(), n);
      for (std::size_t k = 0; k < n; ++k) {
        EXPECT_EQ(pools[i].samples[k].number, static_cast<std::int32_t>(k));
        EXPECT_FALSE(pools[i].samples[k].tokens.empty());
        EXPECT_LT(pools[i].samples[k].log_likelihood, 0);
      }
    }
  }
}

TEST_F(Pools, AreOneFileAShardAndCountedInTheManifest) {
  const io::Manifest manifest = make(world(), "run");
  std::vector<std::string> names;
  for (const auto& file : manifest.files) names.push_back(file.name);
  EXPECT_EQ(names, (std::vector<std::string>{"test-00000-00000.h5", "test-00003-00000.h5", "unlabelled-00000-00000.h5",
                                             "unlabelled-00000-00001.h5", "unlabelled-00000-00002.h5",
                                             "unlabelled-00003-00000.h5", "validation-00000-00000.h5",
                                             "validation-00003-00000.h5"}));
  std::int64_t finished = 0, empty = 0, tokens = 0;
  for (const PromptSet set : {PromptSet::unlabelled, PromptSet::validation, PromptSet::test}) {
    for (const auto& pool : io::read_pools(stage("run"), set)) {
      for (const auto& sample : pool.samples) {
        finished += sample.finished ? 1 : 0;
        empty += sample.response.empty() ? 1 : 0;
        tokens += static_cast<std::int64_t>(sample.tokens.size());
      }
    }
  }
  std::int64_t distinct = 0, few_distinct = 0;
  std::vector<std::int64_t> of_pools;
  for (const auto& pool : io::read_pools(stage("run"), PromptSet::unlabelled)) {
    std::set<std::string> responses;
    for (const auto& sample : pool.samples) responses.insert(sample.response);
    responses.erase("");
    of_pools.push_back(static_cast<std::int64_t>(responses.size()));
    distinct += of_pools.back();
    few_distinct += responses.size() < 3 ? 1 : 0;
  }
  std::sort(of_pools.begin(), of_pools.end());
  EXPECT_EQ(manifest.counts, (std::map<std::string, std::int64_t>{{"prompts", 12},
                                                                  {"unlabelled_prompts", 7},
                                                                  {"validation_prompts", 2},
                                                                  {"test_prompts", 3},
                                                                  {"samples", 7 * 3 + 2 * 2 + 3 * 4},
                                                                  {"finished", finished},
                                                                  {"empty", empty},
                                                                  {"tokens", tokens},
                                                                  {"distinct", distinct},
                                                                  {"distinct_median", of_pools[3]},
                                                                  {"few_distinct", few_distinct}}));
}

TEST_F(Pools, AreTheSameBytesForOneRankAndForAll) { expect_same_bytes_for_one_rank_and_for_all(); }

TEST_F(Pools, AreTheSameBytesWhenALaterJobMakesTheMissingShards) {
  expect_same_bytes_after_losing({"test-00000-00000.h5", "unlabelled-00000-00001.h5"});
}

TEST_F(Pools, AreWrittenOnlyForThePromptsThatWereAdded) {
  make(world(), "run");
  const std::string first = stage("run");
  using enum PromptSet;
  inputs_.prepared = {"prepare", folder_ + "/grown", "2"};
  prepare({{unlabelled, test, unlabelled, unlabelled, validation, unlabelled, unlabelled},
           {test, unlabelled, test, validation, unlabelled},
           {unlabelled, unlabelled, unlabelled}});
  const io::Manifest grown = make(world(), "run");
  make(world(), "fresh");
  EXPECT_EQ(contents("run"), contents("fresh"));
  EXPECT_EQ(grown.counts.at("unlabelled_prompts"), 10);
  for (const auto& file : grown.files) {
    const bool is_new = file.name.starts_with("unlabelled-00006");
    std::error_code missing;
    EXPECT_EQ(fs::equivalent(stage("run") + "/" + file.name, first + "/" + file.name, missing), !is_new) << file.name;
  }
  world().barrier();
}

TEST_F(Pools, OfDamagedEarlierFilesAreWrittenAnew) {
  make(world(), "run");
  world().barrier();
  if (world().rank() == 0) {
    fs::resize_file(stage("run") + "/unlabelled-00000-00000.h5", 100);
    fs::remove(stage("run") + "/unlabelled-00000-00001.h5");
  }
  using enum PromptSet;
  inputs_.prepared = {"prepare", folder_ + "/grown", "2"};
  prepare({{unlabelled, test, unlabelled, unlabelled, validation, unlabelled, unlabelled},
           {test, unlabelled, test, validation, unlabelled},
           {unlabelled}});
  make(world(), "run");
  make(world(), "fresh");
  EXPECT_EQ(contents("run"), contents("fresh"));
  world().barrier();
}

TEST_F(Pools, ShareNothingWithThoseOfAnotherPolicyOrOtherPrompts) {
  make(world(), "run");
  const std::string first = stage("run");
  inputs_.policy.key = "3";
  const io::Manifest other = make(world(), "run");
  for (const auto& file : other.files) {
    EXPECT_FALSE(fs::equivalent(stage("run") + "/" + file.name, first + "/" + file.name)) << file.name;
  }
  inputs_.policy.key = "2";
  inputs_.prepared = {"prepare", folder_ + "/changed", "4"};
  using enum PromptSet;  // the same ids and texts in another set: the shards of one prompt differ
  prepare({{test, unlabelled, test, validation, unlabelled}});
  make(world(), "run");
  make(world(), "fresh");
  EXPECT_EQ(contents("run"), contents("fresh"));
  world().barrier();
}

TEST_F(Pools, OfPartsAreTheSameBytesAndTheLastJobCompletesThem) {
  make(world(), "whole");
  inputs_.part = app::ShardPart("0/3");
  EXPECT_FALSE(make_part(world(), "run"));
  inputs_.part = app::ShardPart("2/3");
  EXPECT_FALSE(make_part(world(), "run"));
  inputs_.part = app::ShardPart("2/3");
  EXPECT_FALSE(make_part(world(), "run")) << "made already, and the others are still missing";
  inputs_.part = app::ShardPart("1/3");
  EXPECT_TRUE(make_part(world(), "run"));
  EXPECT_EQ(contents("run"), contents("whole"));
  world().barrier();
}

/// Rows as `westofn generate` writes them, of a sample number and its prompt.
std::string row(const std::string& id, std::int64_t sample) {
  return "{\"id\":\"" + id + "\",\"sample\":" + std::to_string(sample) + ",\"response\":\"my cat " +
         std::to_string(sample) + " " + id +
         "\",\"tokens\":9,\"log_likelihood\":" + std::to_string(-1.5 - static_cast<double>(sample)) +
         ",\"finished\":" + (sample == 1 ? "false" : "true") + "}\n";
}

class ImportedPools : public Pools {
 protected:
  /// Collective.
  void import(const std::string& text) {
    inputs_.settings.imports = {folder_ + "/samples.jsonl"};
    inputs_.imports = {{"samples.jsonl", std::to_string(text.size())}};
    world().barrier();
    if (world().rank() == 0) std::ofstream(inputs_.settings.imports[0]) << text;
    world().barrier();
  }
  /// Collective. All ranks learn of the row that one of them has found.
  void expect_error(const std::string& expected) {
    std::string message = "no error";
    try {
      make(world(), "broken");
    } catch (const Error& error) {
      message = error.what();
      EXPECT_EQ(error.code(), ExitCode::data);
    }
    EXPECT_NE(message.find(expected), std::string::npos) << message;
    world().barrier();
  }
};

TEST_F(ImportedPools, HaveTheSamplesOfTheFilesAndOthersAreWritten) {
  make(world(), "own");
  const auto own = io::read_pools(stage("own"), PromptSet::unlabelled);
  // In two runs, in any order, with more samples than are asked for, and a prompt that nobody knows.
  std::string text = row("p0-4", 2) + "\n" + row("p0-4", 0) + row("p1-5", 0) + row("p1-5", 1) + row("p1-5", 2);
  text += row("nobody", 0) + row("p0-4", 1) + row("p1-5", 3) + row("p0-2", 0);
  for (std::int64_t k = 1; k < 4; ++k) text += row("p0-2", k);
  import(text);
  const io::Manifest manifest = make(world(), "run");
  EXPECT_EQ(manifest.counts.at("imported_prompts"), 3);
  EXPECT_EQ(manifest.counts.at("import.unknown_prompts"), 1);
  const auto pools = io::read_pools(stage("run"), PromptSet::unlabelled);
  ASSERT_EQ(pools.size(), own.size());
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const bool imported = pools[i].prompt.id == "p0-4" || pools[i].prompt.id == "p1-5";
    ASSERT_EQ(pools[i].samples.size(), 3U);
    for (std::size_t k = 0; k < 3; ++k) {
      const Sample& sample = pools[i].samples[k];
      EXPECT_EQ(sample.number, static_cast<std::int32_t>(k));
      if (imported) {
        EXPECT_EQ(sample.response, "my cat " + std::to_string(k) + " " + pools[i].prompt.id);
        EXPECT_EQ(sample.log_likelihood, -1.5 - static_cast<double>(k));
        EXPECT_EQ(sample.finished, k != 1);
        EXPECT_EQ(sample.tokens.back() == 1, sample.finished);
      } else {
        EXPECT_EQ(sample.tokens, own[i].samples[k].tokens);
      }
    }
  }
  EXPECT_EQ(io::read_pools(stage("run"), PromptSet::test)[0].samples[3].response, "my cat 3 p0-2");
}

TEST_F(ImportedPools, AreTheSameBytesForOneRankAndForAll) {
  std::string text;
  for (const auto* id : {"p0-1", "p0-3", "p0-6", "p0-7"}) {
    for (std::int64_t k = 0; k < 3; ++k) text += row(id, k);
  }
  import(text);
  expect_same_bytes_for_one_rank_and_for_all();
}

TEST_F(ImportedPools, NameTheRowThatIsWrong) {
  import(row("p0-1", 0) + row("p0-1", 1));
  expect_error("samples.jsonl:1: prompt 'p0-1' has no sample number 2");
  import(row("p0-1", 0) + row("p0-1", 0) + row("p0-1", 1) + row("p0-1", 2));
  expect_error("samples.jsonl:2: field 'sample': the prompt has this sample already");
  import(row("p0-1", 0) + row("p0-1", 1) + "{\"id\": 7, \"sample\"\n");
  expect_error("samples.jsonl:3");
  import(row("p0-1", 0) + row("p0-1", 1) + "{\"id\":\"p0-1\",\"sample\":2,\"response\":null}\n");
  expect_error("samples.jsonl:3: field 'response'");
  inputs_.settings.imports = {folder_ + "/nothing.jsonl"};
  expect_error("nothing.jsonl");
}

TEST_F(Pools, OfFewerSamplesAreTheFirstOnesOfTheLargerPools) {
  make(world(), "run");
  const auto large = io::read_pools(stage("run"), PromptSet::unlabelled);
  inputs_.settings.n = 2;
  make(world(), "run");
  const auto small = io::read_pools(stage("run"), PromptSet::unlabelled);
  ASSERT_EQ(small.size(), large.size());
  for (std::size_t i = 0; i < small.size(); ++i) {
    ASSERT_EQ(small[i].samples.size(), 2U);
    for (std::size_t k = 0; k < 2; ++k) EXPECT_EQ(small[i].samples[k].tokens, large[i].samples[k].tokens);
  }
  world().barrier();
}

}  // namespace
}  // namespace westofn::synthesis
