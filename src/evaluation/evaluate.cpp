// SPDX-License-Identifier: Apache-2.0
#include "evaluation/evaluate.h"

#include <algorithm>
#include <functional>

#include "comm/agree.h"
#include "config/config.h"
#include "evaluation/assess.h"
#include "evaluation/evaluation_file.h"
#include "evaluation/judge.h"
#include "evaluation/model_scores.h"
#include "evaluation/results.h"
#include "evaluation/table.h"
#include "evaluation/test_set.h"
#include "io/durable_file.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::evaluation {
namespace {

constexpr const char* evaluation_file = "evaluation.h5";
constexpr const char* judged_file = "judged.h5";
constexpr const char* table_file = "table.txt";
constexpr std::uint64_t table_cap = 1 << 20;

/// A model that is scored.
struct ScoredModel {
  std::string name;
  ScorerKind kind;
  const app::StageInput* input;
  std::string file;
};

std::vector<ScoredModel> list_models(const EvaluateInputs& inputs) {
  std::vector<ScoredModel> models;
  for (const auto& model : inputs.reward_models) {
    models.push_back({model.name, ScorerKind::reward_model, &model.input, "scores-reward-" + model.name + ".h5"});
  }
  if (inputs.preference) {
    models.push_back({preference_name, ScorerKind::preference_model, &*inputs.preference, "scores-preference.h5"});
  }
  if (inputs.judge) models.push_back({judge_name, ScorerKind::judge, &*inputs.judge, "scores-judge.h5"});
  return models;
}

/// The stage, with what all its steps share.
class Evaluation {
 public:
  Evaluation(app::StageRun& stage, const app::StageSpec& spec, const EvaluateInputs& inputs)
      : stage_(stage), world_(stage.job().world), spec_(spec), inputs_(inputs), models_(list_models(inputs)) {}

  app::StageOutput run() {
    test_ = comm::agree(world_, [&] {
      fault_point("evaluate.read");
      return read_test_set(inputs_);
    });
    score_all();
    comm::agree(world_, [&] {
      if (world_.rank() == 0) assess_and_write();
    });
    app::StageOutput output{{evaluation_file, table_file},
                            {{"test_pairs", static_cast<std::int64_t>(test_.pairs.size())},
                             {"test_prompts", static_cast<std::int64_t>(test_.pools.size())},
                             {"models", static_cast<std::int64_t>(models_.size())}}};
    for (const auto& model : models_) output.files.push_back(model.file);
    if (asks_judge()) output.files.emplace_back(judged_file);
    return output;
  }

 private:
  /// There is a judge, and something that he could decide.
  [[nodiscard]] bool asks_judge() const { return inputs_.judge && !test_.pools.empty(); }

  /// Collective. Scores what has not been scored yet, one model after the other, and then asks the judge about the
  /// samples that the models like best.
  void score_all() {
    std::vector<app::Shard> shards;
    for (const auto& model : models_) shards.push_back({{model.file}, 1.0});
    if (asks_judge()) shards.push_back({{judged_file}, 1.0});
    const std::vector<int> owners = stage_.deal(shards);
    for (std::size_t i = 0; i < models_.size(); ++i) {
      if (owners[i] >= 0) timed(models_[i].name, [&] { score(models_[i]); });
    }
    if (asks_judge() && owners.back() >= 0) timed("Best-of-N by the judge", [&] { ask_judge(); });
  }

  /// Collective. Runs `work` unless the job has to stop before it would be done.
  void timed(const std::string& what, const std::function<void()>& work) {
    comm::agree(world_, [&] {
      if (!stage_.job().stop.may_start(longest_s_)) {
        throw StopRequested(stage_.name() + ": stopped in time; run the same command again to go on.");
      }
    });
    log_info(stage_.name() + ": scores of " + what);
    const double start = steady_seconds();
    work();
    longest_s_ = std::max(longest_s_, steady_seconds() - start);
  }

  /// Collective.
  void score(const ScoredModel& model) {
    const ScoringTask task{test_, *model.input, inputs_.runtime, inputs_.placement};
    const ModelScores scores =
        is_pairwise(model.kind) ? score_preference_model(stage_, task) : score_reward_model(stage_, task);
    comm::agree(world_, [&] {
      fault_point("evaluate.write");
      if (world_.rank() == 0) stage_.note_file(write_scores(stage_.folder() + "/" + model.file, scores));
    });
  }

  /// Collective.
  void ask_judge() {
    const auto rows = comm::agree(
        world_, [&] { return world_.rank() == 0 ? best_rows(test_, read_scorers()) : std::vector<std::int64_t>(); });
    const ScoringTask task{test_, *inputs_.judge, inputs_.runtime, inputs_.placement};
    const std::vector<double> judged = judge_rows(stage_, task, rows, inputs_.seed);
    comm::agree(world_, [&] {
      fault_point("evaluate.write");
      if (world_.rank() == 0) stage_.note_file(write_judged(stage_.folder() + "/" + judged_file, judged));
    });
  }

  /// Rank 0. The scores of all models, and the baselines.
  [[nodiscard]] std::vector<Scorer> read_scorers() const {
    std::vector<Scorer> scorers;
    for (const auto& model : models_) {
      scorers.push_back({model.name, model.kind, read_scores(stage_.folder() + "/" + model.file, test_)});
    }
    return with_baselines(std::move(scorers), test_, inputs_.gold, inputs_.seed);
  }

  /// Rank 0.
  void assess_and_write() {
    fault_point("evaluate.assess");
    std::vector<RecipePairs> recipes;
    for (const auto& recipe : inputs_.recipes) recipes.push_back(read_recipe(recipe));
    const EvaluationSettings& settings = inputs_.settings;
    const Assessment found =
        assess({test_,
                read_scorers(),
                asks_judge() ? read_judged(stage_.folder() + "/" + judged_file, test_) : std::vector<double>(),
                recipes,
                inputs_.gold,
                settings.reference.value_or(""),
                {settings.resamples, settings.level, inputs_.seed}});
    const std::vector<Curve> curves = read_curves(inputs_);
    const std::string table = make_table(found, test_, recipes, settings.level);
    stage_.note_file(write_evaluation(stage_.folder() + "/" + evaluation_file,
                                      {found, test_, recipes, curves, inputs_, read_choices(inputs_), table, spec_}));
    stage_.note_file(io::write_durable(stage_.folder() + "/" + table_file, table));
  }

  app::StageRun& stage_;
  comm::Communicator& world_;
  const app::StageSpec& spec_;
  const EvaluateInputs& inputs_;
  std::vector<ScoredModel> models_;
  TestSet test_;
  double longest_s_ = 0;  ///< of what was scored at once
};

}  // namespace

app::StageSpec evaluate_spec(const EvaluationSettings& settings, const model::RuntimeSettings& runtime,
                             std::uint64_t seed, const EvaluateInputs& inputs) {
  const auto& models = inputs.reward_models;
  if (settings.reference && std::none_of(models.begin(), models.end(), [&](const RewardModelInput& model) {
        return model.name == *settings.reference;
      })) {
    throw ConfigError("evaluation.reference: '" + *settings.reference + "' is none of the reward models");
  }
  app::StageSpec spec{"evaluate", 3, "", {inputs.prepared.for_manifest()}};
  spec.settings = "seed: " + std::to_string(seed) + "\n" + config::to_yaml(settings) +
                  "gold: " + (inputs.gold == GoldChoice::toy ? "toy" : "none") + "\n" +
                  model::computing_settings(runtime, model::Work::scoring);
  if (inputs.pools) spec.inputs.push_back(inputs.pools->for_manifest());
  if (inputs.policy) spec.inputs.push_back(inputs.policy->for_manifest());
  if (inputs.preference) spec.inputs.push_back(inputs.preference->for_manifest());
  if (inputs.judge) spec.inputs.push_back(inputs.judge->for_manifest());
  for (const auto& model : models) spec.inputs.push_back({"reward_models." + model.name, model.input.key});
  for (const auto& recipe : inputs.recipes) spec.inputs.push_back({"recipes." + recipe.name, recipe.input.key});
  return spec;
}

io::Manifest evaluate(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                      const EvaluateInputs& inputs) {
  const io::Manifest manifest =
      app::run_stage(job, run, spec, [&](app::StageRun& stage) { return Evaluation(stage, spec, inputs).run(); });
  const std::string folder = run.stage(spec.folder_name()) + "/";
  publish_results(job, run, folder + evaluation_file, inputs);
  comm::agree(job.world, [&] {
    if (job.world.rank() != 0) return;
    log_info(io::read_file(folder + table_file, table_cap));
    log_info("all of it, with every sample, match and pair: " + run.path() + "/" + results_name +
             "; `westofn inspect` shows it, analysis/report.py draws it");
  });
  return manifest;
}

}  // namespace westofn::evaluation
