// SPDX-License-Identifier: Apache-2.0
#include "generation/generate.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "model/batch.h"
#include "model/decoder_cache.h"
#include "util/error.h"
#include "util/philox.h"

namespace westofn::generation {
namespace {

/// Samples that are written together: `samples` of each of `prompts`.
struct Portion {
  std::size_t first_prompt = 0;
  std::size_t prompts = 0;
  std::size_t first_sample = 0;  ///< in the result; its number is that much above SamplingSettings::first_sample
  std::size_t samples = 0;
};

/// Whole prompts as many as fit, or parts of the samples of one prompt.
std::vector<Portion> plan_portions(std::size_t prompts, std::size_t n, std::size_t rows) {
  const std::size_t at_once = std::max<std::size_t>(1, rows / n);
  const std::size_t part = std::min(n, rows);
  std::vector<Portion> portions;
  for (std::size_t prompt = 0; prompt < prompts; prompt += at_once) {
    for (std::size_t sample = 0; sample < n; sample += part) {
      portions.push_back({prompt, std::min(at_once, prompts - prompt), sample, std::min(part, n - sample)});
    }
  }
  return portions;
}

/// One row of the batch: the sample that it writes, and whether that has ended (then the row only fills a place).
struct Row {
  Sample* sample = nullptr;
  const Philox* random = nullptr;
  bool live = true;
};

/// The rows of a portion with the caches of the decoder. Every prompt has equally many rows, one after the other.
class Batch {
 public:
  Batch(const model::T5& model, std::span<const tokenizer::Tokens> sources, std::vector<Row> rows,
        std::int64_t positions)
      : model_(model),
        device_(model.placement().device),
        prompts_(sources.size()),
        rows_(std::move(rows)),
        cross_(model::make_cross_cache(model, model.encode(model::make_batch(sources, device_)))),
        self_(model::make_self_cache(model, static_cast<std::int64_t>(rows_.size()), positions)) {}

  [[nodiscard]] std::vector<Row>& rows() { return rows_; }

  /// Logits [R,V] in float32 on the CPU after every row has read its last token (at position 0: the start token).
  at::Tensor step(std::int64_t position) {
    std::vector<std::int64_t> ids;
    ids.reserve(rows_.size());
    for (const Row& row : rows_) {
      const auto& tokens = row.sample->tokens;
      ids.push_back(tokens.empty() ? model_.config().decoder_start_token_id : tokens.back());
    }
    const at::Tensor states_RD = model::decode_step(model_, cross_, self_, to_device(ids), position);
    return model_.logits(states_RD).to(at::kCPU, at::kFloat).contiguous();
  }

  /// Takes out prompts whose samples have all ended and, as far as every prompt can spare them, ended rows. Copying
  /// the caches costs, so it is done when a quarter of the rows can go. Returns whether a live row is left.
  bool compact() {
    const std::size_t width = rows_.size() / prompts_;
    std::vector<std::int64_t> prompts;
    std::size_t widest = 0;
    for (std::size_t prompt = 0; prompt < prompts_; ++prompt) {
      const auto begin = rows_.begin() + static_cast<std::ptrdiff_t>(prompt * width);
      const auto live = std::count_if(begin, begin + static_cast<std::ptrdiff_t>(width), [](Row r) { return r.live; });
      if (live > 0) prompts.push_back(static_cast<std::int64_t>(prompt));
      widest = std::max(widest, static_cast<std::size_t>(live));
    }
    if (4 * prompts.size() * widest <= 3 * rows_.size() && widest > 0) select(prompts, width, widest);
    return widest > 0;
  }

 private:
  at::Tensor to_device(std::vector<std::int64_t>& values) const {
    const auto size = static_cast<std::int64_t>(values.size());
    return at::from_blob(values.data(), {size}, at::kLong).clone().to(device_);
  }

  void select(std::vector<std::int64_t>& prompts, std::size_t width, std::size_t widest) {
    std::vector<std::int64_t> chosen;
    for (const std::int64_t prompt : prompts) {
      std::vector<std::int64_t> places(width);
      for (std::size_t i = 0; i < width; ++i)
        places[i] = prompt * static_cast<std::int64_t>(width) + static_cast<std::int64_t>(i);
      std::stable_partition(places.begin(), places.end(),
                            [&](std::int64_t place) { return rows_[static_cast<std::size_t>(place)].live; });
      chosen.insert(chosen.end(), places.begin(), places.begin() + static_cast<std::ptrdiff_t>(widest));
    }
    std::vector<Row> rows;
    rows.reserve(chosen.size());
    for (const std::int64_t place : chosen) rows.push_back(rows_[static_cast<std::size_t>(place)]);
    rows_ = std::move(rows);
    const at::Tensor chosen_R = to_device(chosen);
    for (auto* caches : {&self_.keys_RHTK, &self_.values_RHTK}) {
      for (at::Tensor& cache : *caches) cache = cache.index_select(0, chosen_R);
    }
    if (prompts.size() == prompts_) return;
    prompts_ = prompts.size();
    const at::Tensor prompts_P = to_device(prompts);
    for (auto* caches : {&cross_.keys_PHSK, &cross_.values_PHSK}) {
      for (at::Tensor& cache : *caches) cache = cache.index_select(0, prompts_P);
    }
    cross_.mask_P11S = cross_.mask_P11S.index_select(0, prompts_P);
  }

  const model::T5& model_;
  at::Device device_;
  std::size_t prompts_;
  std::vector<Row> rows_;
  model::CrossCache cross_;
  model::SelfCache self_;
};

/// Writes all samples of a batch, token by token.
void write_samples(Batch& batch, const SamplingSettings& settings, tokenizer::TokenId end_id,
                   const std::function<void()>& beat) {
  Sampler sampler(settings, end_id);
  for (std::int64_t position = 0; position < settings.max_new_tokens; ++position) {
    beat();
    const at::Tensor logits_RV = batch.step(position);
    const auto vocabulary = static_cast<std::size_t>(logits_RV.size(1));
    const float* logits = logits_RV.const_data_ptr<float>();
    const EndToken end = position < settings.min_new_tokens ? EndToken::masked : EndToken::allowed;
    for (Row& row : batch.rows()) {
      const std::span<const float> logits_V(logits, vocabulary);
      logits += vocabulary;
      if (!row.live) continue;
      const double uniform =
          row.random->uniform(static_cast<std::uint32_t>(row.sample->number), static_cast<std::uint32_t>(position));
      const Draw draw = sampler.draw(logits_V, uniform, end);
      row.sample->tokens.push_back(draw.token);
      row.sample->log_likelihood += draw.log_likelihood;
      row.sample->finished = draw.token == end_id;
      row.live = !row.sample->finished;
    }
    if (!batch.compact()) break;
  }
}

}  // namespace

std::vector<std::vector<Sample>> generate(const model::T5& model, const tokenizer::Tokenizer& tokenizer,
                                          std::span<const PromptInput> prompts, const SamplingSettings& settings,
                                          const GenerationRun& run) {
  WESTOFN_CHECK(settings.n >= 1 && run.rows >= 1, "at least one sample, at least one at a time");
  const at::NoGradGuard no_grad;
  const auto n = static_cast<std::size_t>(settings.n);
  std::vector<std::vector<Sample>> samples(prompts.size(), std::vector<Sample>(n));
  std::vector<Philox> randoms;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    randoms.emplace_back(settings.purpose, settings.seed, settings.round, prompts[i].id);
    for (std::size_t k = 0; k < n; ++k) {
      samples[i][k].number = static_cast<std::int32_t>(settings.first_sample + static_cast<std::int64_t>(k));
    }
  }
  for (const Portion& portion : plan_portions(prompts.size(), n, static_cast<std::size_t>(run.rows))) {
    std::vector<tokenizer::Tokens> sources;
    std::vector<Row> rows;
    for (std::size_t i = portion.first_prompt; i < portion.first_prompt + portion.prompts; ++i) {
      sources.push_back(prompts[i].tokens);
      for (std::size_t k = 0; k < portion.samples; ++k) {
        rows.push_back({&samples[i][portion.first_sample + k], &randoms[i], true});
      }
    }
    Batch batch(model, sources, std::move(rows), settings.max_new_tokens);
    write_samples(batch, settings, tokenizer.end_id(), run.beat);
  }
  for (auto& pool : samples) {
    for (Sample& sample : pool) sample.response = tokenizer.decode(sample.tokens);
  }
  return samples;
}

}  // namespace westofn::generation
