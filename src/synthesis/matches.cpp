// SPDX-License-Identifier: Apache-2.0
#include "synthesis/matches.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "app/finished_stages.h"
#include "app/stage_files.h"
#include "comm/agree.h"
#include "config/config.h"
#include "inference/work.h"
#include "io/match_file.h"
#include "io/pool_file.h"
#include "scoring/inputs.h"
#include "scoring/scores.h"
#include "synthesis/account_text.h"
#include "synthesis/match_account.h"
#include "synthesis/phase_report.h"
#include "synthesis/play_shard.h"
#include "synthesis/pointwise_teacher.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::synthesis {
namespace {

/// The preference model with all that belongs to it. Does not move: the format refers to the tokenizer.
struct Teacher {
  Teacher(const std::string& folder, model::Placement placement)
      : config(read_config(folder)),
        t5(inference::Engine::load(folder, placement)),
        tokenizer(tokenizer::Tokenizer::load(folder, t5.config().vocab_size)),
        format(tokenizer, config) {}
  Teacher(const Teacher&) = delete;
  Teacher& operator=(const Teacher&) = delete;

  static scoring::ScoringConfig read_config(const std::string& folder) {
    auto config = scoring::read_scoring_config(folder);
    if (!config || config->kind != scoring::ScoreKind::pairwise) {
      throw DataError(folder + ": no pairwise preference model: westofn.json, which holds its template and labels, " +
                      (config ? "says that it is of another kind" : "is missing"));
    }
    return *std::move(config);
  }

  scoring::ScoringConfig config;
  inference::Engine t5;
  tokenizer::Tokenizer tokenizer;
  scoring::PairwiseFormat format;
};

/// The stage, with what all its steps share.
class MatchesStage {
 public:
  MatchesStage(app::StageRun& stage, const MatchesInputs& inputs)
      : stage_(stage), world_(stage.job().world), inputs_(inputs) {}

  app::StageOutput run() {
    comm::agree(world_, [&] {
      fault_point("matches.begin");
      const io::Manifest pools = io::read_manifest(inputs_.pools.folder);
      files_ = io::pool_files(pools, PromptSet::unlabelled);
      all_prompts_ = pools.counts.at("unlabelled_prompts");
      find_earlier(pools);
    });
    std::vector<app::Shard> shards;
    for (const auto& file : files_) shards.push_back({{file.name}, static_cast<double>(file.bytes)});
    take_over();
    const std::vector<int> owners = stage_.deal(shards);
    if (std::ranges::any_of(owners, [](int owner) { return owner >= 0; })) play(owners);
    stage_.need_all_shards();
    return finish(owners);
  }

 private:
  /// Matches of the same preference model, computed alike, and the pools that they were played in.
  struct Earlier {
    app::FinishedStage matches;
    io::Manifest pools;
    bool same_settings = false;

    /// Whether it has played in a pool file with exactly this content.
    [[nodiscard]] bool knows(const io::FileInfo& pool) const {
      return std::ranges::find(pools.files, pool) != pools.files.end();
    }
    /// The matches in a pool file; nothing if they are damaged.
    [[nodiscard]] std::optional<io::MatchShard> read(const std::string& name) const {
      return app::read_if_intact(
          [&] { return io::read_matches(matches.folder + "/" + name, io::find_file(matches.manifest, name)); });
    }
  };

  /// Local. `pools` are those of this stage.
  void find_earlier(const io::Manifest& pools) {
    const std::string computing = model::computing_settings(inputs_.runtime, model::Work::scoring);
    const std::string settings = matches_spec(inputs_).settings;
    auto found = app::finished_stages(stage_.run(), "matches", [&](const io::Manifest& manifest) {
      return manifest.settings.ends_with(computing) &&
             std::ranges::find(manifest.inputs, inputs_.preference.for_manifest()) != manifest.inputs.end();
    });
    for (auto& matches : found) {
      const std::string key = matches.input_key(inputs_.pools.name);
      const bool same_settings = matches.manifest.settings == settings;
      if (key == inputs_.pools.key) {
        earlier_.push_back({std::move(matches), pools, same_settings});
        continue;
      }
      auto others = app::finished_stages(stage_.run(), "pools",
                                         [&](const io::Manifest& manifest) { return manifest.key == key; });
      if (!others.empty()) earlier_.push_back({std::move(matches), std::move(others[0].manifest), same_settings});
    }
  }

  /// Collective. The files that an earlier stage has made with the same settings for the same pools.
  void take_over() {
    std::int64_t taken = 0;
    const app::ShardRange range = inputs_.part.range(static_cast<std::int64_t>(files_.size()));
    comm::agree(world_, [&] {
      for (std::size_t i = 0; i < files_.size(); ++i) {
        const bool mine = static_cast<int>(i % static_cast<std::size_t>(world_.size())) == world_.rank();
        if (!mine || !range.contains(static_cast<std::int64_t>(i))) continue;
        if (io::file_status(stage_.folder() + "/" + files_[i].name)) continue;
        for (const Earlier& earlier : earlier_) {
          if (!earlier.same_settings || !earlier.knows(files_[i])) continue;
          if (!earlier.read(files_[i].name)) continue;  // verified
          app::take_over_file(stage_, earlier.matches, io::find_file(earlier.matches.manifest, files_[i].name));
          ++taken;
          break;
        }
        stage_.beat();
      }
    });
    taken = world_.all_reduce(taken, comm::ReduceOp::sum);
    if (taken > 0) {
      log_info(stage_.name() + ": " + std::to_string(taken) + " of " + std::to_string(files_.size()) +
               " files are those of an earlier stage with the same settings, for the same pools");
    }
  }

  /// Collective. Every rank plays its shards.
  void play(const std::vector<int>& owners) {
    if (inputs_.settings.rule == selection::Rule::pointwise) {
      score_all(owners);
    } else {
      play_all(owners);
    }
  }

  /// Collective. With a reward model as teacher.
  void score_all(const std::vector<int>& owners) {
    const auto teacher = comm::agree(world_, [&] {
      app::verify_input(world_, inputs_.preference);
      return std::make_unique<PointwiseTeacher>(inputs_.preference.folder, inputs_.placement);
    });
    const auto& runtime = inputs_.runtime;
    const scoring::ScoringRun run{{runtime.batch_rows, runtime.batch_tokens}, [&] { stage_.beat(); }};
    make_shards(owners, [&](std::span<const Pool> pools, const io::FileInfo& /*file*/) {
      return teacher->score(pools, inputs_.settings, run);
    });
  }

  /// Collective. With the preference model as teacher.
  void play_all(const std::vector<int>& owners) {
    const auto teacher = comm::agree(world_, [&] {
      app::verify_input(world_, inputs_.preference);
      return std::make_unique<Teacher>(inputs_.preference.folder, inputs_.placement);
    });
    const auto& runtime = inputs_.runtime;
    const scoring::ScoringRun run{{runtime.batch_rows, runtime.batch_tokens}, [&] { stage_.beat(); }};
    const Judge judge{[&](auto prompt, auto a, auto b) { return teacher->format.encode(prompt, a, b); },
                      [&](auto inputs) {
                        const auto& format = teacher->format;
                        return scoring::label_probabilities(teacher->t5, inputs, format.first_label(),
                                                            format.second_label(), run);
                      }};
    make_shards(owners, [&](std::span<const Pool> pools, const io::FileInfo& file) {
      return play_shard(pools, inputs_.settings, inputs_.seed, judge, known_matches(file));
    });
  }

  /// Collective. `play` makes the matches of the pools of a file.
  template <class Play>
  void make_shards(const std::vector<int>& owners, const Play& play) {
    PhaseMeter meter(inputs_.placement);
    stage_.make_shards(owners, [&](std::size_t i) {
      const std::int64_t read_before = inference::work().encoder_tokens;
      meter.run([&] {
        const io::MatchShard shard = play_file(files_[i], play);
        meter.count("prompts", static_cast<std::int64_t>(shard.prompts.size()));
        meter.count("matches", static_cast<std::int64_t>(shard.matches.size()));
        meter.count("inputs", shard.scored);
      });
      stage_.count_work({inference::work().encoder_tokens - read_before, 0});
    });
    meter.report(world_, stage_.name(), std::array<std::string, 3>{"prompts", "matches", "inputs"});
  }

  template <class Play>
  io::MatchShard play_file(const io::FileInfo& file, const Play& play) {
    const auto pools = io::read_pool(inputs_.pools.folder + "/" + file.name, file);
    io::MatchShard shard = play(std::span<const Pool>(pools), file);
    account_.add(shard);
    refuse_non_finite();
    fault_point("matches.write");
    stage_.note_file(io::write_matches(stage_.folder() + "/" + file.name, shard));
    return shard;
  }

  [[nodiscard]] std::vector<Match> known_matches(const io::FileInfo& pool) const {
    std::vector<Match> known;
    for (const Earlier& earlier : earlier_) {
      if (!earlier.knows(pool)) continue;
      const auto shard = earlier.read(pool.name);
      if (shard) known.insert(known.end(), shard->matches.begin(), shard->matches.end());
    }
    return known;
  }

  /// Collective. Sums over all shards; those of an earlier attempt are read, shared out over the ranks.
  app::StageOutput finish(const std::vector<int>& owners) {
    comm::agree(world_, [&] {
      for (std::size_t i = 0; i < files_.size(); ++i) {
        const bool mine = static_cast<int>(i % static_cast<std::size_t>(world_.size())) == world_.rank();
        if (owners[i] < 0 && mine) account_.add(io::read_matches(stage_.folder() + "/" + files_[i].name));
        stage_.beat();
      }
    });
    account_.sum(world_);
    comm::agree(world_, [&] {
      if (world_.rank() == 0) refuse_non_finite();
    });
    if (world_.rank() == 0) say_account(stage_.name(), account_.text(), account_.warnings());
    app::StageOutput output{{}, account_.counts()};
    for (const auto& file : files_) output.files.push_back(file.name);
    return output;
  }

  void refuse_non_finite() const {
    const std::int64_t bad = account_.non_finite();
    if (bad * 1000 <= all_prompts_) return;
    throw DataError(inputs_.preference.folder + ": the teacher gives scores that are not numbers, for " +
                    std::to_string(bad) + " of " + std::to_string(all_prompts_) +
                    " prompts so far; check its weights, or compute in float32");
  }

  app::StageRun& stage_;
  comm::Communicator& world_;
  const MatchesInputs& inputs_;
  std::vector<io::FileInfo> files_;  ///< of the unlabelled pools: one a shard
  std::int64_t all_prompts_ = 0;
  std::vector<Earlier> earlier_;
  MatchAccount account_;  ///< of what this rank has made or read
};

}  // namespace

app::StageSpec matches_spec(const MatchesInputs& inputs) {
  app::StageSpec spec{"matches", 1, "", {inputs.pools.for_manifest(), inputs.preference.for_manifest()}};
  spec.settings = "seed: " + std::to_string(inputs.seed) + "\n" + config::to_yaml(inputs.settings) +
                  model::computing_settings(inputs.runtime, model::Work::scoring);
  return spec;
}

std::optional<io::Manifest> make_matches(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                                         const MatchesInputs& inputs) {
  const auto body = [&](app::StageRun& stage) { return MatchesStage(stage, inputs).run(); };
  if (!inputs.part.is_all()) return app::run_stage_part(job, run, spec, inputs.part, body);
  return app::run_stage(job, run, spec, body);
}

}  // namespace westofn::synthesis
