// SPDX-License-Identifier: Apache-2.0
#include "generation/generate.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "generation/device_sampler.h"
#include "generation/writing_rows.h"
#include "util/error.h"
#include "util/philox.h"

namespace westofn::generation {
namespace {

/// Everything that writes the samples of one call.
class Writer {
 public:
  Writer(const inference::Engine& engine, std::span<const PromptInput> prompts, const SamplingSettings& settings,
         tokenizer::TokenId end_id)
      : engine_(engine), settings_(settings), end_id_(end_id) {
    for (const PromptInput& prompt : prompts) {
      sources_.push_back(prompt.tokens);
      randoms_.emplace_back(settings.purpose, settings.seed, settings.round, prompt.id);
      auto& pool = samples_.emplace_back(static_cast<std::size_t>(settings.n));
      for (std::size_t k = 0; k < pool.size(); ++k) {
        pool[k].number = static_cast<std::int32_t>(settings.first_sample + static_cast<std::int64_t>(k));
      }
    }
  }

  std::vector<std::vector<Sample>> write(const GenerationRun& run) {
    const std::int64_t at_once = std::min(run.rows, engine_.backend().best_rows());
    WritingRows rows(engine_, {sources_, static_cast<std::size_t>(settings_.n), static_cast<std::size_t>(at_once),
                               settings_.max_new_tokens});
    while (rows.admit()) {
      run.beat();
      for (WritingRow& row : rows.rows()) read_last_token(row);
      const std::vector<Draw> draws = draw(engine_.logits(rows.step()), rows.rows());
      for (std::size_t i = 0; i < draws.size(); ++i) {
        if (rows.rows()[i].decoder.live) append(draws[i], rows, rows.rows()[i]);
      }
    }
    return std::move(samples_);
  }

 private:
  Sample& sample_of(const WritingRow& row) { return samples_[row.prompt][row.sample]; }

  void read_last_token(WritingRow& row) {
    const auto& tokens = sample_of(row).tokens;
    row.decoder.id = tokens.empty() ? engine_.config().decoder_start_token_id : tokens.back();
  }

  [[nodiscard]] double uniform_of(const WritingRow& row) {
    return randoms_[row.prompt].uniform(static_cast<std::uint32_t>(sample_of(row).number),
                                        static_cast<std::uint32_t>(row.decoder.position));
  }

  [[nodiscard]] EndToken end_token_of(const WritingRow& row) const {
    return row.decoder.position < settings_.min_new_tokens ? EndToken::masked : EndToken::allowed;
  }

  std::vector<Draw> draw(const at::Tensor& logits_RV, std::span<const WritingRow> rows) {
    if (logits_RV.is_cpu() && logits_RV.scalar_type() == at::kFloat) return draw_here(logits_RV.contiguous(), rows);
    DrawInputs inputs{logits_RV, {}, {}};
    for (const WritingRow& row : rows) {
      inputs.uniforms.push_back(uniform_of(row));
      inputs.end_tokens.push_back(end_token_of(row));
    }
    return draw_on_device(inputs, settings_, end_id_);
  }

  std::vector<Draw> draw_here(const at::Tensor& logits_RV, std::span<const WritingRow> rows) {
    const auto vocabulary = static_cast<std::size_t>(logits_RV.size(1));
    const float* logits = logits_RV.const_data_ptr<float>();
    std::vector<Draw> draws(rows.size());
    at::parallel_for(0, static_cast<std::int64_t>(rows.size()), 8, [&](std::int64_t begin, std::int64_t end) {
      Sampler sampler(settings_, end_id_);
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        if (!rows[r].decoder.live) continue;
        const std::span<const float> logits_V(logits + r * vocabulary, vocabulary);
        draws[r] = sampler.draw(logits_V, uniform_of(rows[r]), end_token_of(rows[r]));
      }
    });
    return draws;
  }

  void append(const Draw& draw, WritingRows& rows, WritingRow& row) {
    Sample& sample = sample_of(row);
    sample.tokens.push_back(draw.token);
    sample.log_likelihood += draw.log_likelihood;
    sample.finished = draw.token == end_id_;
    if (sample.finished || row.decoder.position + 1 == settings_.max_new_tokens) {
      rows.end(row);
    } else {
      ++row.decoder.position;
    }
  }

  const inference::Engine& engine_;
  const SamplingSettings& settings_;
  tokenizer::TokenId end_id_;
  std::vector<tokenizer::Tokens> sources_;
  std::vector<Philox> randoms_;
  std::vector<std::vector<Sample>> samples_;
};

}  // namespace

std::vector<std::vector<Sample>> generate(const inference::Engine& engine, const tokenizer::Tokenizer& tokenizer,
                                          std::span<const PromptInput> prompts, const SamplingSettings& settings,
                                          const GenerationRun& run) {
  WESTOFN_CHECK(settings.n >= 1 && run.rows >= 1, "at least one sample, at least one at a time");
  if (prompts.empty()) return {};
  const at::NoGradGuard no_gradients;
  auto samples = Writer(engine, prompts, settings, tokenizer.end_id()).write(run);
  for (auto& pool : samples) {
    for (Sample& sample : pool) sample.response = tokenizer.decode(sample.tokens);
  }
  return samples;
}

}  // namespace westofn::generation
