// SPDX-License-Identifier: Apache-2.0
// The `generation` section: how the policy writes the pools.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/types.h"
#include "tokenizer/template.h"

namespace westofn::synthesis {

struct GenerationSettings {
  std::int64_t n = 64;
  double temperature = 0.7;
  std::int64_t top_k = 0;
  double top_p = 1;
  std::int64_t max_new_tokens = 128;
  std::int64_t min_new_tokens = 0;
  std::optional<std::int64_t> max_input_tokens;
  std::optional<tokenizer::CutPrompt> cut;
  std::int64_t validation_n = 1;
  std::int64_t batch_rows = 512;
  std::vector<std::string> imports;
};

template <class V>
void visit_fields(V& v, GenerationSettings& s) {
  v.optional("n", s.n, "responses that are written for each unlabelled prompt; one more for each test prompt");
  v.optional("temperature", s.temperature, "logits are divided by it; 0 always takes the likeliest token");
  v.optional("top_k", s.top_k, "draw among so many of the likeliest tokens; 0: among all");
  v.optional("top_p", s.top_p, "draw among the likeliest tokens that together have this probability; 1: among all");
  v.optional("max_new_tokens", s.max_new_tokens, "tokens of a response, the end token included");
  v.optional("min_new_tokens", s.min_new_tokens, "no response ends before it has so many tokens");
  v.optional("max_input_tokens", s.max_input_tokens, "longer prompts are cut (null: as in `policy`)");
  v.optional("cut", s.cut, "from which end they are cut: start (dialogues), end (documents), null: as in `policy`");
  v.optional("validation_n", s.validation_n, "responses for each validation prompt, for the scale of the reward model");
  v.optional("batch_rows", s.batch_rows, "responses that are written at once");
  v.optional("import", s.imports,
             "JSONL files with samples of another generator, rows as `westofn generate` writes them (id, sample, "
             "response, log_likelihood?, finished?): the policy writes only for prompts that they do not have");
  v.check("n", s.n >= 2 && s.n <= 65536, "a number from 2 to 65536");
  v.check("temperature", s.temperature >= 0 && s.temperature <= 100, "a number from 0 to 100");
  v.check("top_k", s.top_k >= 0, "0 or a positive number");
  v.check("top_p", s.top_p > 0 && s.top_p <= 1, "a number above 0, at most 1");
  v.check("max_new_tokens", s.max_new_tokens >= 1 && s.max_new_tokens <= 65536, "a number from 1 to 65536");
  v.check("min_new_tokens", s.min_new_tokens >= 0 && s.min_new_tokens <= s.max_new_tokens,
          "a number from 0 to max_new_tokens");
  v.check("max_input_tokens", !s.max_input_tokens || *s.max_input_tokens >= 2, "at least 2, or null");
  v.check("validation_n", s.validation_n >= 1 && s.validation_n <= 65536, "a number from 1 to 65536");
  v.check("batch_rows", s.batch_rows >= 1 && s.batch_rows <= 1'000'000, "a number from 1 to 1000000");
}

}  // namespace westofn::synthesis
