// SPDX-License-Identifier: Apache-2.0
#include "synthesis/row_scorer.h"

#include <cmath>
#include <optional>
#include <vector>

#include "scoring/inputs.h"
#include "tokenizer/tokenizer.h"
#include "util/error.h"

namespace westofn::synthesis {
namespace {

using tokenizer::Tokenizer;
using tokenizer::Tokens;

Tokens require_fitting(std::optional<Tokens> tokens, const ScoredRow& row) {
  if (!tokens) {
    throw DataError(row.place.describe() +
                    ": too long: the responses alone exceed --max-input-tokens; raise it or remove the row");
  }
  return *std::move(tokens);
}

void set_score(ScoredRow& row, const char* key, double score) {
  if (!std::isfinite(score)) {
    throw DataError(row.place.describe() + ": '" + key +
                    "' is not a finite number; check the weights of the model, or use --dtype float32");
  }
  row.json[key] = score;
}

class LikelihoodScorer final : public RowScorer {
 public:
  LikelihoodScorer(const std::string& folder, const scoring::ScoringConfig& config, model::Placement placement)
      : RowScorer(config.kind),
        config_(config),
        t5_(inference::Engine::load(folder, placement)),
        tokenizer_(Tokenizer::load(folder, t5_.config().vocab_size)) {}

  void score(std::span<ScoredRow> rows, const scoring::ScoringRun& run) const override {
    std::vector<Tokens> inputs;
    std::vector<Tokens> targets;
    for (const auto& row : rows) {
      inputs.push_back(scoring::encode_prompt(tokenizer_, row.texts.prompt, config_.max_input_tokens, config_.cut));
      targets.push_back(tokenizer_.encode_with_end(row.texts.first));
      if (!row.texts.is_pair) continue;
      inputs.push_back(inputs.back());
      targets.push_back(tokenizer_.encode_with_end(row.texts.second));
    }
    const auto scores = scoring::log_likelihoods(t5_, inputs, targets, run);
    std::size_t next = 0;
    for (auto& row : rows) {
      if (row.texts.is_pair) {
        set_score(row, "score_chosen", scores[next++]);
        set_score(row, "score_rejected", scores[next++]);
      } else {
        set_score(row, "log_likelihood", scores[next]);
        row.json["tokens"] = targets[next++].size();
      }
    }
  }

 private:
  scoring::ScoringConfig config_;
  inference::Engine t5_;
  Tokenizer tokenizer_;
};

class PairwiseScorer final : public RowScorer {
 public:
  PairwiseScorer(const std::string& folder, const scoring::ScoringConfig& config, model::Placement placement)
      : RowScorer(config.kind),
        t5_(inference::Engine::load(folder, placement)),
        tokenizer_(Tokenizer::load(folder, t5_.config().vocab_size)),
        format_(tokenizer_, config) {}

  void score(std::span<ScoredRow> rows, const scoring::ScoringRun& run) const override {
    std::vector<Tokens> inputs;
    for (const auto& row : rows) {
      const auto& [prompt, a, b, is_pair] = row.texts;
      inputs.push_back(require_fitting(format_.encode(prompt, a, b), row));
      inputs.push_back(require_fitting(format_.encode(prompt, b, a), row));
    }
    const auto p = scoring::label_probabilities(t5_, inputs, format_.first_label(), format_.second_label(), run);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      set_score(rows[i], "p_a_over_b", scoring::both_orders(p[2 * i], p[2 * i + 1]));
      set_score(rows[i], "p_ab", p[2 * i]);
      set_score(rows[i], "p_ba_swapped", p[2 * i + 1]);
    }
  }

 private:
  inference::Engine t5_;
  Tokenizer tokenizer_;
  scoring::PairwiseFormat format_;
};

class PointwiseScorer final : public RowScorer {
 public:
  PointwiseScorer(const std::string& folder, const scoring::ScoringConfig& config, model::Placement placement)
      : RowScorer(config.kind),
        model_(scoring::load_reward_engine(folder, placement)),
        tokenizer_(Tokenizer::load(folder, model_.t5.config().vocab_size)),
        format_(tokenizer_, config) {}

  void score(std::span<ScoredRow> rows, const scoring::ScoringRun& run) const override {
    std::vector<Tokens> inputs;
    for (const auto& row : rows) {
      inputs.push_back(require_fitting(format_.encode(row.texts.prompt, row.texts.first), row));
      if (row.texts.is_pair) {
        inputs.push_back(require_fitting(format_.encode(row.texts.prompt, row.texts.second), row));
      }
    }
    const auto scores = scoring::rewards(model_, inputs, run);
    std::size_t next = 0;
    for (auto& row : rows) {
      if (row.texts.is_pair) {
        set_score(row, "score_chosen", scores[next++]);
        set_score(row, "score_rejected", scores[next++]);
      } else {
        set_score(row, "score", scores[next]);
        set_normalised(row, scores[next++]);
      }
    }
  }

 private:
  void set_normalised(ScoredRow& row, double score) const {
    row.json["score_normalised"] = nullptr;
    if (!model_.scale) return;
    set_score(row, "score_normalised", (score - model_.scale->mean) / model_.scale->standard_deviation);
  }

  scoring::RewardEngine model_;
  Tokenizer tokenizer_;
  scoring::PointwiseFormat format_;
};

}  // namespace

RowTexts read_row_texts(const io::JsonValue& row, scoring::ScoreKind kind) {
  const auto has = [&](const char* key) { return row.json().contains(key); };
  const auto text = [&](const char* key) { return row.field(key).text(); };
  const bool is_pairwise = kind == scoring::ScoreKind::pairwise;
  const bool has_own = is_pairwise ? has("a") || has("b") : has("response");
  if (!has_own && (has("chosen") || has("rejected"))) {
    return {text("prompt"), text("chosen"), text("rejected"), true};
  }
  if (is_pairwise) return {text("prompt"), text("a"), text("b"), true};
  return {text("prompt"), text("response"), "", false};
}

std::unique_ptr<RowScorer> load_row_scorer(const std::string& folder, const scoring::ScoringConfig& config,
                                           model::Placement placement) {
  switch (config.kind) {
    case scoring::ScoreKind::likelihood: return std::make_unique<LikelihoodScorer>(folder, config, placement);
    case scoring::ScoreKind::pairwise: return std::make_unique<PairwiseScorer>(folder, config, placement);
    case scoring::ScoreKind::pointwise: return std::make_unique<PointwiseScorer>(folder, config, placement);
  }
  throw InternalError("a kind of scores without a scorer");
}

}  // namespace westofn::synthesis
