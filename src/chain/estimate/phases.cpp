// SPDX-License-Identifier: Apache-2.0
// The phases of an experiment, one by one.
#include "chain/estimate/estimate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "chain/estimate/disk.h"
#include "chain/estimate/fitting.h"
#include "config/config.h"
#include "training/start_model.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

double real(std::int64_t number) { return static_cast<double>(number); }

/// Tokens of what a template has besides its values, at four bytes a token.
double template_tokens(const std::string& text) {
  std::size_t bytes = 0;
  bool inside = false;
  for (const char c : text) {
    if (c == '{') inside = true;
    if (!inside) ++bytes;
    if (c == '}') inside = false;
  }
  return static_cast<double>(bytes) / 4;
}

/// An input of a model that compares or scores: its longest and its mean length.
struct InputLength {
  double longest = 0;
  double mean = 0;
};

class Estimator {
 public:
  Estimator(const Experiment& experiment, const DataSize& data, const EstimateOptions& options) : e_(experiment) {
    if (!e_.policy) {
      throw ConfigError("policy: the experiment has no section `policy`, so there is nothing to estimate");
    }
    out_.name = e_.name;
    out_.options = options;
    out_.runtime = e_.runtime;
    out_.data = data;
    source_limit_ = real(e_.generation.max_input_tokens.value_or(e_.policy->max_input_tokens));
    target_limit_ = real(e_.generation.max_new_tokens);
    out_.lengths = {std::min(data.prompt_tokens, source_limit_), std::min(data.response_tokens, target_limit_),
                    std::min(data.response_tokens, real(e_.policy->max_target_tokens))};
  }

  Estimate run() {
    prepare();
    sft();
    pairwise("preference", e_.preference_model);
    pools();
    recipes();
    for (const auto& [name, model] : e_.reward_models) reward_model(name, model);
    if (!e_.reward_models.empty()) {
      if (e_.evaluation.judge) pairwise("judge", *e_.evaluation.judge);
      evaluate();
    }
    for (Phase& phase : out_.phases) phase.hours = hours_of(phase);
    return std::move(out_);
  }

 private:
  /// The model that a phase starts from; the policy's without a folder of its own.
  const model::T5Config& model_of(const std::optional<std::string>& own, const std::string& phase) {
    const auto& folder = own ? own : e_.policy->model;
    const std::string name = folder ? *folder : "policy.architecture";
    const auto known = std::ranges::find(out_.models, name, &ModelUse::name);
    if (known != out_.models.end()) {
      const auto phases = split_text(known->phases, ',');
      if (std::ranges::find(phases, phase) == phases.end()) known->phases += "," + phase;
      return configs_.at(name);
    }
    configs_[name] = folder ? model::read_t5_config(*folder)
                            : training::config_of(*e_.policy->architecture, e_.tokenizer.vocab_size);
    out_.models.push_back({name, configs_[name], phase});
    return configs_[name];
  }

  Phase& add(const std::string& name, const std::string& unit) {
    out_.phases.push_back({});
    out_.phases.back().name = name;
    out_.phases.back().unit = unit;
    return out_.phases.back();
  }

  void prepare() { add("prepare", "rows").disk = prepare_bytes(out_.data); }

  /// Memory, what fits, work and disk of a training phase. `example`: the rows of one, at their longest.
  void train(Phase& phase, const model::T5Config& config, const training::TrainSettings& settings,
             const BatchShape& example, Logits logits, TrainingLoad load) {
    BatchShape micro_batch = example;
    micro_batch.rows *= real(std::min(e_.runtime.micro_batch, settings.batch));
    const TrainingCase what{settings, e_.runtime, out_.options.ranks, micro_batch, logits};
    phase.memory = training_memory(config, what);
    phase.fitting = {real(e_.runtime.micro_batch), -1, "examples in a micro-batch"};
    if (out_.options.memory_bytes) {
      phase.fitting.fits = real(most_examples(config, what, example, *out_.options.memory_bytes));
    }
    load.weights = real(count_weights(config).total());
    load.weight_bytes = number_bytes(e_.runtime.dtype);
    phase.work = training_work(settings, e_.runtime, out_.options.ranks, load);
    const OwnedShare all = largest_share(config, settings.optimizer, 1);
    phase.disk = model_bytes(load.weights);
    phase.disk_temporary = checkpoints_at_once * checkpoint_bytes(load.weights, all.optimizer_elements);
  }

  void sft() {
    const training::PolicySettings& policy = *e_.policy;
    const model::T5Config& config = model_of(policy.model, "sft");
    const double source = std::min(out_.data.prompt_tokens, real(policy.max_input_tokens));
    const double target = out_.lengths.shown;
    TrainingLoad load;
    load.forward = pool_operations(config, source, 1, target);
    load.read = source + target;
    load.validation = load.forward;
    load.validation_rows = out_.data.validation_pairs;
    train(add("sft", "examples"), config, policy.train,
          {1, real(policy.max_input_tokens), real(policy.max_target_tokens)}, Logits::computed, load);
  }

  [[nodiscard]] InputLength input_of(std::int64_t limit, const std::string& text, double responses,
                                     double response) const {
    const double mean = out_.lengths.prompt + responses * response + template_tokens(text);
    return {real(limit), std::min(real(limit), mean)};
  }
  [[nodiscard]] InputLength comparison(const training::PreferenceSettings& model, double response) const {
    return input_of(model.max_input_tokens, model.template_text, 2, response);
  }

  /// One of the two orders of a pair, drawn at random, is trained on; both are validated.
  void pairwise(const std::string& name, const training::PreferenceSettings& settings) {
    const model::T5Config& config = model_of(settings.model, name);
    const InputLength input = comparison(settings, out_.data.response_tokens);
    TrainingLoad load;
    load.forward = score_operations(config, input.mean, Logits::computed);
    load.read = input.mean;
    load.validation = 2 * load.forward;
    load.validation_rows = out_.data.validation_pairs;
    load.final_passes = 1;
    train(add(name, "examples"), config, settings.train, {1, input.longest, 1}, Logits::computed, load);
  }

  void pools() {
    const model::T5Config& config = model_of(e_.policy->model, "pools");
    const synthesis::GenerationSettings& settings = e_.generation;
    Phase& phase = add("pools", "responses");
    const WritingBatch batch = writing_batch(settings.batch_rows, settings.n, source_limit_, target_limit_);
    phase.memory = writing_memory(config, e_.runtime, batch);
    phase.fitting = {batch.prompts, -1, "prompts with all their responses"};
    if (out_.options.memory_bytes) {
      phase.fitting.fits = real(
          most_prompts(config, e_.runtime, settings.n, {1, source_limit_, target_limit_}, *out_.options.memory_bytes));
    }
    double shards = 0;
    const auto add_set = [&](double prompts, std::int64_t n) {
      phase.work.units += prompts * real(n);
      phase.work.tokens_read += prompts * out_.lengths.prompt;
      phase.work.tokens_written += prompts * real(n) * out_.lengths.written;
      phase.work.operations += prompts * pool_operations(config, out_.lengths.prompt, real(n), out_.lengths.written);
      phase.disk += prompts * pool_bytes(out_.data, real(n), out_.lengths.written);
      shards += std::ceil(prompts / real(e_.runtime.shard_size));
    };
    add_set(out_.data.unlabelled_prompts, settings.n);
    add_set(out_.data.validation_prompts, settings.validation_n);
    add_set(out_.data.test_prompts, settings.n + 1);
    phase.work.busy_ranks = busy_ranks(shards, out_.options.ranks);
  }

  /// Scoring of inputs of one length.
  void score(Phase& phase, const model::T5Config& config, const InputLength& input) {
    const BatchShape batch = scoring_batch(e_.runtime, input.longest);
    phase.memory = scoring_memory(config, e_.runtime, batch);
    phase.fitting = {batch.rows, -1, "inputs"};
    if (out_.options.memory_bytes) {
      phase.fitting.fits = real(most_inputs(config, e_.runtime, input.longest, *out_.options.memory_bytes));
    }
  }

  /// Recipes with equal matches share them.
  void recipes() {
    std::map<std::string, std::string> made;
    for (const auto& [name, family] : e_.recipes) {
      synthesis::MatchSettings settings = family.settings.matches;
      if (settings.rule == selection::Rule::best_random) {
        settings.rule = selection::Rule::tournament;
        matches(name + ", tournament", settings, {}, made);
      }
      matches(name, family.settings.matches, family.teacher, made);
      for (const auto& [recipe_name, recipe] : synthesis::expand(name, family)) {
        Phase& phase = add("recipe-" + recipe_name, "prompts");
        phase.work.units = out_.data.unlabelled_prompts;
        phase.disk = recipe_bytes(out_.data, human_pairs(recipe.human), recipe, out_.lengths.written);
      }
    }
  }

  [[nodiscard]] double human_pairs(HumanSet set) const {
    if (set == HumanSet::none) return 0;
    return set == HumanSet::hf50 ? out_.data.labelled_pairs : out_.data.training_pairs;
  }

  /// What a teacher of responses reads. Its limit stands in its westofn.json; here the one of training by default.
  [[nodiscard]] InputLength single_response() const {
    const training::RewardSettings settings;
    return input_of(settings.max_input_tokens, settings.template_text, 1, out_.lengths.written);
  }

  void matches(const std::string& name, const synthesis::MatchSettings& settings,
               const std::optional<std::string>& teacher, std::map<std::string, std::string>& made) {
    const std::string key = config::to_yaml(settings) + teacher.value_or("");
    if (!made.emplace(key, name).second) return;
    const model::T5Config& config = model_of(teacher ? teacher : e_.preference_model.model, "matches");
    Phase& phase = add("matches (" + name + ")", "matches");
    const InputLength input = teacher ? single_response() : comparison(e_.preference_model, out_.lengths.written);
    score(phase, config, input);
    const double prompts = out_.data.unlabelled_prompts;
    const double scores = prompts * real(count_scores(settings));
    phase.work.units = prompts * real(count_matches(settings));
    phase.work.tokens_read = scores * input.mean;
    phase.work.operations =
        scores * score_operations(config, input.mean, teacher ? Logits::left_out : Logits::computed);
    phase.work.busy_ranks = busy_ranks(std::ceil(prompts / real(e_.runtime.shard_size)), out_.options.ranks);
    phase.disk = match_bytes(prompts, phase.work.units);
  }

  /// One training for each quantile that its recipe lists.
  void reward_model(const std::string& name, const training::RewardSettings& settings) {
    const auto family =
        std::ranges::find_if(e_.recipes, [&](const auto& entry) { return entry.first == settings.recipe; });
    if (family == e_.recipes.end()) return reward(name, settings);
    for (const auto& [recipe, unused] : synthesis::expand(family->first, family->second)) {
      reward(name + recipe.substr(family->first.size()), settings);
    }
  }

  void reward(const std::string& name, const training::RewardSettings& settings) {
    const model::T5Config& config = model_of(settings.model, "reward-" + name);
    const InputLength input = input_of(settings.max_input_tokens, settings.template_text, 1,
                                       std::max(out_.data.response_tokens, out_.lengths.written));
    TrainingLoad load;
    load.forward = 2 * score_operations(config, input.mean, Logits::left_out);
    load.read = 2 * input.mean;
    load.validation = load.forward;
    load.validation_rows = out_.data.validation_pairs;
    load.final_passes = 1;
    train(add("reward-" + name, "pairs"), config, settings.train, {2, input.longest, 1}, Logits::left_out, load);
  }

  /// Every reward model scores all test pairs and pools, the preference model the pairs in both orders.
  void evaluate() {
    Phase& phase = add("evaluate", "scores");
    const double per_model = 2 * out_.data.test_pairs + out_.data.test_prompts * real(e_.generation.n + 1);
    constexpr double portion = 1024;
    for (const auto& [name, settings] : e_.reward_models) {
      const model::T5Config& config = model_of(settings.model, "reward-" + name);
      const InputLength input = input_of(settings.max_input_tokens, settings.template_text, 1, out_.lengths.written);
      Phase scored;
      score(scored, config, input);
      if (!phase.memory || scored.memory->peak > phase.memory->peak) {
        phase.memory = scored.memory;
        phase.fitting = scored.fitting;
      }
      phase.work.units += per_model;
      phase.work.tokens_read += per_model * input.mean;
      phase.work.operations += per_model * score_operations(config, input.mean, Logits::left_out);
    }
    compare_in(phase, e_.preference_model, "preference", 2 * out_.data.test_pairs);
    if (e_.evaluation.judge) {
      // Each model and baseline may take another sample of a pool.
      constexpr double baselines = 3;
      const double judged =
          out_.data.test_prompts * (real(static_cast<std::int64_t>(e_.reward_models.size())) + baselines);
      compare_in(phase, *e_.evaluation.judge, "judge", 2 * out_.data.test_pairs + judged);
    }
    phase.work.busy_ranks = busy_ranks(std::ceil(per_model / portion), out_.options.ranks);
    const auto count = [](const auto& list) { return static_cast<double>(list.size()); };
    double recipes = 0;
    for (const auto& [name, family] : e_.recipes) recipes += count(synthesis::expand(name, family));
    phase.disk =
        evaluation_bytes(out_.data, count(e_.reward_models) + 1, real(e_.generation.n), recipes) + results_bytes();
  }

  /// results.h5 holds about what the files of data, pools, matches and recipes hold.
  [[nodiscard]] double results_bytes() const {
    double bytes = 0;
    for (const Phase& phase : out_.phases) {
      const bool is_copied = phase.name == "prepare" || phase.name == "pools" || phase.name.starts_with("recipe-");
      if (is_copied) bytes += phase.disk;
      if (phase.name.starts_with("matches")) bytes += 1.2 * phase.disk;  // wider columns
    }
    return bytes;
  }

  /// Comparisons by a pairwise model as a part of the evaluation.
  void compare_in(Phase& phase, const training::PreferenceSettings& settings, const std::string& name, double inputs) {
    const model::T5Config& config = model_of(settings.model, name);
    const InputLength pair = comparison(settings, out_.data.response_tokens);
    phase.work.units += inputs;
    phase.work.operations += inputs * score_operations(config, pair.mean, Logits::computed);
    phase.work.tokens_read += inputs * pair.mean;
  }

  [[nodiscard]] std::optional<double> hours_of(const Phase& phase) const {
    const EstimateOptions& options = out_.options;
    if (phase.work.operations == 0) return 0;
    const bool by_tokens = options.tokens_per_second && phase.work.tokens_written > 0;
    if (!by_tokens && !options.rank_operations) return std::nullopt;
    const double rank_seconds = by_tokens ? phase.work.tokens_written / *options.tokens_per_second
                                          : phase.work.operations / *options.rank_operations;
    const double messages = options.bytes_per_second ? phase.work.exchanged_bytes / *options.bytes_per_second : 0;
    return (rank_seconds / phase.work.busy_ranks + messages) / 3600;
  }

  const Experiment& e_;
  Estimate out_;
  std::map<std::string, model::T5Config> configs_;
  double source_limit_ = 0;
  double target_limit_ = 0;
};

}  // namespace

Estimate make_estimate(const Experiment& experiment, const DataSize& data, const EstimateOptions& options) {
  return Estimator(experiment, data, options).run();
}

}  // namespace westofn::chain
