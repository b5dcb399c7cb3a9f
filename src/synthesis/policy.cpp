// SPDX-License-Identifier: Apache-2.0
#include "synthesis/policy.h"

#include "generation/generate.h"
#include "scoring/inputs.h"

namespace westofn::synthesis {

Policy::Policy(const std::string& folder, const GenerationSettings& settings, std::uint64_t seed,
               const model::Placement& placement)
    : engine_(inference::Engine::load(folder, placement)),
      tokenizer_(tokenizer::Tokenizer::load(folder, engine_.config().vocab_size)),
      settings_(settings),
      seed_(seed) {}

std::vector<std::vector<Sample>> Policy::write(std::span<const Prompt> prompts, std::int64_t n,
                                               const std::function<void()>& beat) const {
  std::vector<generation::PromptInput> inputs;
  inputs.reserve(prompts.size());
  for (const Prompt& prompt : prompts) {
    inputs.push_back({prompt.id, scoring::encode_prompt(tokenizer_, prompt.text, settings_.max_input_tokens,
                                                        settings_.cut.value_or(tokenizer::CutPrompt::start))});
  }
  generation::SamplingSettings sampling;
  sampling.n = n;
  sampling.temperature = settings_.temperature;
  sampling.top_k = settings_.top_k;
  sampling.top_p = settings_.top_p;
  sampling.max_new_tokens = settings_.max_new_tokens;
  sampling.min_new_tokens = settings_.min_new_tokens;
  sampling.seed = seed_;
  return generation::generate(engine_, tokenizer_, inputs, sampling, {settings_.batch_rows, beat});
}

}  // namespace westofn::synthesis
