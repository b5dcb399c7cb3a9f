// SPDX-License-Identifier: Apache-2.0
#include "evaluation/evaluation_file.h"

#include <algorithm>
#include <functional>

#include "io/hdf5.h"
#include "metrics/best_of_n.h"
#include "util/error.h"

namespace westofn::evaluation {
namespace {

using metrics::Estimate;

const std::vector<std::int64_t> results_version = {1, 2};

/// A number or a vector of numbers for each item of a list.
template <class Items, class Value>
auto column(const Items& items, Value value) {
  std::vector<std::decay_t<std::invoke_result_t<Value, decltype(*items.begin())>>> values;
  for (const auto& item : items) values.push_back(std::invoke(value, item));
  return values;
}

/// Rows of equal length one after the other; an empty row is filled with `missing`.
template <class T>
std::vector<T> flatten(const std::vector<std::vector<T>>& rows, std::size_t columns, T missing) {
  std::vector<T> all;
  all.reserve(rows.size() * columns);
  for (const auto& row : rows) {
    WESTOFN_CHECK(row.empty() || row.size() == columns, "rows of one length");
    all.insert(all.end(), row.begin(), row.end());
    if (row.empty()) all.insert(all.end(), columns, missing);
  }
  return all;
}

/// Writes the groups of an evaluation one by one.
class EvaluationWriter {
 public:
  explicit EvaluationWriter(const EvaluationContent& content)
      : found_(content.found), test_(content.test), content_(content) {}

  io::FileInfo write(const std::string& path) {
    out_.attribute("/", "filetype", "westofn/results");
    out_.attribute("/", "version", results_version);
    out_.attribute("/", "n", test_.n);
    settings();
    models();
    choices();
    calibration();
    best_of_n();
    differences();
    pairs();
    prompts();
    recipes();
    curves();
    return out_.publish(path);
  }

 private:
  void settings() {
    out_.text("/settings", std::vector<std::string>{content_.spec.settings}, {"settings of the evaluation", "text"});
    out_.text("/table", std::vector<std::string>{content_.table}, {"what the terminal shows", "text"});
  }

  /// Datasets value, low, high, count of an estimate for each item.
  void estimates(const std::string& path, const std::vector<Estimate>& list, const std::string& what) {
    out_.dataset(path + "/value", column(list, &Estimate::value), {what + "; NaN: none", "1"});
    out_.dataset(path + "/low", column(list, &Estimate::low), {"lower end of the interval", "1"});
    out_.dataset(path + "/high", column(list, &Estimate::high), {"upper end of the interval", "1"});
    out_.dataset(path + "/count", column(list, &Estimate::count), {"values that it is the mean of", "1"});
  }
  void estimates(const std::string& path, Estimate Report::*field, const std::string& what) {
    estimates(path, column(found_.reports, field), what);
  }

  /// A row for each model.
  void rows(const std::string& path, const std::function<std::vector<double>(const Report&)>& row,
            const io::FieldNote& note) {
    const auto all = column(found_.reports, row);
    std::size_t columns = 0;
    for (const auto& one : all) columns = std::max(columns, one.size());
    if (columns > 0) out_.dataset_2d(path, flatten(all, columns, metrics::no_value), columns, note);
  }

  void models() {
    out_.text("/models/name", column(found_.scorers, &Scorer::name),
              {"name; all arrays by model are in this order", "text"});
    out_.dataset("/models/kind",
                 column(found_.scorers, [](const Scorer& s) { return static_cast<std::uint8_t>(s.kind); }),
                 {"0 reward model, 1 preference model, 2 baseline, 3 judge", "1"});
    out_.dataset("/models/reference", std::vector<std::int64_t>{static_cast<std::int64_t>(found_.reference)},
                 {"index of the model that the others are compared with", "1"});
    trained_models();
    estimates("/models/accuracy", &Report::accuracy, "share of test pairs ranked as people did; ties half");
    estimates("/models/high_confidence", &Report::high_confidence,
              "accuracy on pairs with human confidence above the median");
    estimates("/models/win_over_pool", &Report::win_over_pool,
              "share of the other samples that Best-of-N beats by gold; ties half");
    estimates("/models/win_over_sft", &Report::win_over_sft,
              "how often Best-of-N beats one more sample by gold; ties half");
    estimates("/models/win_by_judge", &Report::win_by_judge,
              "how often the judge prefers Best-of-N to one more sample; ties half");
    rows("/models/accuracy_by_length", [](const Report& r) { return column(r.by_length, &Estimate::value); },
         {"accuracy on pairs whose chosen response is much shorter, shorter, equal, longer, much longer", "1"});
    rows("/models/count_by_length",
         [](const Report& r) {
           return column(r.by_length, [](const Estimate& e) { return static_cast<double>(e.count); });
         },
         {"pairs of each of these classes", "1"});
    estimates(
        "/models/length_correlation", &Report::length_correlation,
        "Spearman's rank correlation of score and words over the responses of the test pairs; reward models only");
  }

  /// What the reward models were trained on; they are the first scorers, in the order of the inputs.
  void trained_models() {
    const auto& inputs = content_.inputs;
    std::vector<std::int64_t> recipe(found_.scorers.size(), -1);
    std::vector<std::string> human(found_.scorers.size());
    std::vector<double> validation(found_.scorers.size(), metrics::no_value);
    for (std::size_t i = 0; i < inputs.reward_models.size(); ++i) {
      const auto& model = inputs.reward_models[i];
      const auto found = std::ranges::find(inputs.recipes, used_recipe(i), &RecipeInput::name);
      if (found != inputs.recipes.end()) recipe[i] = found - inputs.recipes.begin();
      human[i] = found != inputs.recipes.end() ? found->human : model.human;
    }
    for (std::size_t i = 0; i < found_.scorers.size(); ++i) {
      const auto curve = std::ranges::find(content_.curves, found_.scorers[i].name, &Curve::name);
      if (curve != content_.curves.end()) validation[i] = best_validation(*curve);
    }
    out_.dataset("/models/recipe", recipe, {"index of the recipe that it was trained on; -1: none", "1"});
    out_.text("/models/human", human, {"human pairs that it was trained on; empty: no reward model", "text"});
    out_.dataset("/models/validation_accuracy", validation,
                 {"of the weights that were kept, on the validation pairs; NaN: not trained here", "1"});
  }

  /// The recipe of a reward model; where it was chosen among candidates, that of the chosen one.
  [[nodiscard]] std::string used_recipe(std::size_t model) const {
    for (const auto& choice : content_.choices) {
      if (choice.chosen && choice.model == static_cast<std::int64_t>(model)) {
        return content_.inputs.recipes.at(static_cast<std::size_t>(choice.recipe)).name;
      }
    }
    return content_.inputs.reward_models[model].recipe;
  }

  void choices() {
    const auto& list = content_.choices;
    out_.dataset("/choices/model", column(list, &Choice::model),
                 {"index of the reward model for which one of these was chosen", "1"});
    out_.dataset("/choices/recipe", column(list, &Choice::recipe), {"index of the recipe it was trained on", "1"});
    out_.dataset("/choices/validation_accuracy", column(list, &Choice::validation_accuracy),
                 {"of the weights that were kept", "1"});
    out_.dataset("/choices/chosen", column(list, [](const Choice& c) { return std::uint8_t{c.chosen}; }),
                 {"1: chosen, as the one of highest validation accuracy", "1"});
  }

  void calibration() {
    using metrics::Calibration;
    const auto of = [](auto field) {
      return [field](const Report& r) {
        if (!r.calibration) return std::vector<double>();
        const auto& values = (*r.calibration).*field;
        return std::vector<double>(values.begin(), values.end());
      };
    };
    const auto number = [&](double Calibration::*field) {
      return column(found_.reports,
                    [field](const Report& r) { return r.calibration ? (*r.calibration).*field : metrics::no_value; });
    };
    out_.dataset("/calibration/expected_error", number(&Calibration::expected_error),
                 {"expected calibration error by model; NaN for baselines", "1"});
    out_.dataset("/calibration/brier", number(&Calibration::brier), {"mean of (1 - P(chosen > rejected))^2", "1"});
    rows("/calibration/confidence", of(&Calibration::confidence),
         {"mean confidence max(p, 1 - p), ten bins over [0.5, 1]; NaN: empty bin", "1"});
    rows("/calibration/accuracy", of(&Calibration::accuracy), {"accuracy in these bins", "1"});
    rows("/calibration/count", of(&Calibration::count), {"pairs in these bins", "1"});
  }

  void best_of_n() {
    std::vector<std::int64_t> n;
    for (std::int64_t i = 1; i <= test_.n; ++i) n.push_back(i);
    out_.dataset("/best_of_n/n", n, {"samples that the best is taken from", "1"});
    out_.dataset("/best_of_n/kl", column(n, metrics::best_of_n_kl), {"ln n - (n - 1) / n", "nats"});
    const auto curve = [](std::vector<double> BestOfN::*field) {
      return [field](const Report& r) { return r.best_of_n.*field; };
    };
    rows("/best_of_n/score", curve(&BestOfN::score_n), {"expected score of Best-of-n by the model's own score", "1"});
    rows("/best_of_n/gold", curve(&BestOfN::gold_n), {"expected gold reward of Best-of-n", "1"});
    rows("/best_of_n/win", curve(&BestOfN::win_n), {"share of the rest of the pool that Best-of-n beats by gold", "1"});
  }

  void differences() {
    const auto& list = found_.differences;
    const auto verdicts = [&](const std::string& path, Estimate Difference::*field, const std::string& what) {
      estimates(path, column(list, field), what);
      out_.dataset(
          path + "/verdict",
          column(list, [field](const Difference& d) { return static_cast<std::uint8_t>(metrics::verdict(d.*field)); }),
          {"0 no difference seen, 1 better, 2 worse than the reference", "1"});
    };
    out_.dataset("/differences/model",
                 column(list, [](const Difference& d) { return static_cast<std::int64_t>(d.model); }),
                 {"index of the model that is compared with the reference", "1"});
    verdicts("/differences/accuracy", &Difference::accuracy, "accuracy minus that of the reference, same pairs");
    const auto test = [&](const char* name, auto field, const char* what) {
      out_.dataset(std::string("/differences/mcnemar/") + name,
                   column(list, [field](const Difference& d) { return d.test.*field; }), {what, "1"});
    };
    test("only_model", &metrics::McNemar::only_first, "test pairs on which the model does better than the reference");
    test("only_reference", &metrics::McNemar::only_second, "test pairs on which the reference does better");
    test("p_value", &metrics::McNemar::p_value, "McNemar's exact test of the accuracy, two-sided, pair by pair");
    verdicts("/differences/win_by_judge", &Difference::win_by_judge, "win by the judge minus that of the reference");
    verdicts("/differences/win_over_pool", &Difference::win_over_pool, "win minus that of the reference, same prompts");
  }

  void pairs() {
    const auto& list = test_.pairs;
    out_.text("/pairs/id", column(list, &HumanPair::id), {"id of the test pair", "text"});
    out_.text("/pairs/group", column(list, &HumanPair::group), {"its group", "text"});
    out_.dataset("/pairs/confidence", column(list, &HumanPair::confidence), {"of the annotator; NaN: not given", "1"});
    out_.dataset("/pairs/length_difference", found_.length_differences, {"chosen minus rejected", "words"});
    scores("/pairs/score_chosen", &ModelScores::chosen, list.size(),
           "score of the chosen response by model (preference model: probability); NaN: too long");
    scores("/pairs/score_rejected", &ModelScores::rejected, list.size(), "score of the rejected response by model");
  }

  void prompts() {
    const auto& list = test_.pools;
    const auto samples = static_cast<std::size_t>(test_.n + 1);
    out_.text("/prompts/id", column(list, [](const Pool& p) { return p.prompt.id; }),
              {"id of the test prompt", "text"});
    out_.text("/prompts/group", column(list, [](const Pool& p) { return p.prompt.group; }), {"its group", "text"});
    scores("/prompts/score", &ModelScores::samples, list.size() * samples,
           "score by model; reshape a row to [prompts, n + 1]");
    if (!found_.gold.empty()) {
      out_.dataset_2d("/prompts/gold", found_.gold, samples,
                      {"gold reward of each sample, the last is the SFT sample", "1"});
    }
    rows("/prompts/best",
         [](const Report& r) {
           return column(r.best_of_n.best, [](std::int64_t best) { return static_cast<double>(best); });
         },
         {"number of the sample that Best-of-N takes, by model and prompt; -1: not scored", "1"});
    rows("/prompts/win_over_pool", [](const Report& r) { return r.best_of_n.win_over_pool; },
         {"share of the other samples that it beats by gold", "1"});
    rows("/prompts/judge_prefers_best", [](const Report& r) { return r.best_of_n.judged; },
         {"P(it is better than the SFT sample) by the judge; NaN: not asked", "1"});
  }

  void scores(const std::string& path, std::vector<double> ModelScores::*field, std::size_t columns,
              const std::string& what) {
    if (columns == 0) return;
    const auto all = column(found_.scorers, [field](const Scorer& s) { return s.scores.*field; });
    out_.dataset_2d(path, flatten(all, columns, metrics::no_value), columns, {what, "1"});
  }

  void recipes() {
    out_.text("/recipes/name", column(content_.recipes, &RecipePairs::name), {"name of the recipe", "text"});
    out_.dataset("/recipes/prompts", column(found_.recipes, &RecipeReport::prompts), {"prompts it was given", "1"});
    out_.dataset("/recipes/kept", column(found_.recipes, &RecipeReport::kept), {"pairs that passed all filters", "1"});
    estimates("/recipes/label_accuracy", column(found_.recipes, &RecipeReport::label_accuracy),
              "share of kept pairs whose chosen response has the higher gold reward; ties half");
    std::vector<std::int64_t> recipe;
    std::vector<SyntheticPair const*> all;
    std::vector<double> gold;
    for (std::size_t r = 0; r < content_.recipes.size(); ++r) {
      for (const auto& pair : content_.recipes[r].pairs) {
        recipe.push_back(static_cast<std::int64_t>(r));
        all.push_back(&pair);
      }
      const auto& differences = found_.recipes[r].gold_difference;
      gold.insert(gold.end(), differences.begin(), differences.end());
    }
    out_.dataset("/synthetic/recipe", recipe, {"index of the recipe; a row for each of its prompts", "1"});
    out_.text("/synthetic/prompt", column(all, [](const auto* p) { return p->prompt_id; }),
              {"id of the prompt", "text"});
    out_.dataset("/synthetic/outcome", column(all, [](const auto* p) { return static_cast<std::uint8_t>(p->outcome); }),
                 {"0 kept, 1 one_response, 2 inverted, 3 too_long, 4 non_finite; below the quantile of 5 confidence, "
                  "6 chosen, 7 rejected, 8 joint likelihood",
                  "1"});
    out_.dataset("/synthetic/pool", column(all, &SyntheticPair::prompt), {"row of /pools", "1"});
    out_.dataset("/synthetic/chosen", column(all, &SyntheticPair::chosen), {"sample number; -1: no pair", "1"});
    out_.dataset("/synthetic/rejected", column(all, &SyntheticPair::rejected), {"sample number; -1: no pair", "1"});
    out_.dataset("/synthetic/cycle", column(all, [](const auto* p) { return std::uint8_t{p->cycle}; }),
                 {"1: one response won both brackets", "1"});
    // Without a pair there is no value: NaN, not the 0 of the record.
    const auto value = [&](const char* path, double SyntheticPair::*field, const io::FieldNote& note) {
      out_.dataset(path, column(all, [field](const auto* p) { return p->chosen >= 0 ? p->*field : metrics::no_value; }),
                   note);
    };
    value("/synthetic/confidence", &SyntheticPair::confidence, {"P(chosen > rejected); NaN: no pair", "1"});
    value("/synthetic/chosen_log_likelihood", &SyntheticPair::chosen_log_likelihood, {"by the policy", "nats"});
    value("/synthetic/rejected_log_likelihood", &SyntheticPair::rejected_log_likelihood, {"by the policy", "nats"});
    out_.dataset("/synthetic/gold_difference", gold, {"gold of chosen minus rejected; NaN: none", "1"});
  }

  void curves() {
    const auto& list = content_.curves;
    out_.text("/curves/name", column(list, &Curve::name), {"name of the model that was trained", "text"});
    std::vector<std::int64_t> model;
    std::vector<std::int64_t> step;
    for (std::size_t i = 0; i < list.size(); ++i) {
      model.insert(model.end(), list[i].step.size(), static_cast<std::int64_t>(i));
      step.insert(step.end(), list[i].step.begin(), list[i].step.end());
    }
    out_.dataset("/curves/model", model, {"index into /curves/name; rows of a model follow one another", "1"});
    out_.dataset("/curves/step", step, {"step from 1; 0 is the untrained model", "1"});
    const auto field = [&](const char* path, std::vector<double> Curve::*values, const std::string& what) {
      std::vector<double> all;
      for (const auto& curve : list) all.insert(all.end(), (curve.*values).begin(), (curve.*values).end());
      out_.dataset(path, all, {what, "1"});
    };
    field("/curves/learning_rate", &Curve::learning_rate, "learning rate of the step");
    field("/curves/loss", &Curve::loss, "mean training loss of the step");
    field("/curves/gradient_norm", &Curve::gradient_norm, "norm of the gradient before clipping");
    field("/curves/validation_loss", &Curve::validation_loss, "NaN: not validated at this step");
    field("/curves/validation_accuracy", &Curve::validation_accuracy, "likewise; 0 or NaN for the policy");
  }

  const Assessment& found_;
  const TestSet& test_;
  const EvaluationContent& content_;
  io::Hdf5Writer out_;
};

}  // namespace

io::FileInfo write_evaluation(const std::string& path, const EvaluationContent& content) {
  return EvaluationWriter(content).write(path);
}

}  // namespace westofn::evaluation
