// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/model_costs.h"

#include <nlohmann/json.hpp>

#include "chain/estimate/fitting.h"
#include "chain/estimate/numbers.h"
#include "chain/estimate/work.h"
#include "util/text.h"

namespace westofn::chain {

ModelCosts model_costs(const model::T5Config& config, const CostQuestion& question) {
  const double source = question.prompt_tokens;
  const double target = question.response_tokens;
  ModelCosts costs;
  costs.weights = count_weights(config);
  costs.float32_bytes = 4 * static_cast<double>(costs.weights.total());
  costs.bfloat16_bytes = costs.float32_bytes / 2;
  costs.cross_cache = source * cross_cache_bytes(config, question.runtime);
  costs.self_cache = target * self_cache_bytes(config, question.runtime);
  costs.read_prompt = pool_operations(config, source, 0, target);
  costs.write_response = decoder_operations(config, target, source, Logits::computed);
  costs.compare = score_operations(config, source + 2 * target, Logits::computed);
  costs.train_pair = 3 * 2 * score_operations(config, source + target, Logits::left_out);
  if (question.memory_bytes) {
    costs.prompts_at_once = static_cast<double>(
        most_prompts(config, question.runtime, question.n, {1, source, target}, *question.memory_bytes));
  }
  return costs;
}

std::string to_text(const std::string& name, const CostQuestion& question, const ModelCosts& costs) {
  const auto number = [](std::int64_t count) { return with_prefix(static_cast<double>(count), ""); };
  const auto bytes = [](double count) { return with_prefix(count, "B"); };
  const auto operations = [](double count) { return with_prefix(count, "FLOP"); };
  const std::string prompt = "a prompt of " + with_commas(question.prompt_tokens) + " tokens";
  const std::string response = "a response of " + with_commas(question.response_tokens) + " tokens";
  Table weights({"weights", "encoder", "decoder", "embedding", "head", "together", "float32", "bfloat16"});
  weights.add({printable(name), number(costs.weights.encoder), number(costs.weights.decoder),
               number(costs.weights.embedding), costs.weights.head == 0 ? "tied" : number(costs.weights.head),
               number(costs.weights.total()), bytes(costs.float32_bytes), bytes(costs.bfloat16_bytes)});
  Table each({"each, in " + std::string(config::enum_name(question.runtime.dtype)), "operations", "keys and values"});
  each.add({"read " + prompt, operations(costs.read_prompt), bytes(costs.cross_cache)});
  each.add({"write " + response, operations(costs.write_response), bytes(costs.self_cache)});
  each.add({"compare two responses, one order", operations(costs.compare), ""});
  each.add({"train a reward model on one pair", operations(costs.train_pair), ""});
  std::string text = weights.text() + "\n" + each.text();
  if (costs.prompts_at_once) {
    text += "\n  " + bytes(*question.memory_bytes) + " of memory hold " + with_commas(*costs.prompts_at_once) +
            " prompts at once with " + with_commas(static_cast<double>(question.n)) + " responses each (" +
            with_commas(*costs.prompts_at_once * static_cast<double>(question.n)) + " rows)\n";
  }
  return text;
}

std::string to_json(const std::string& name, const CostQuestion& question, const ModelCosts& costs) {
  nlohmann::ordered_json json = {{"model", name},
                                 {"weights",
                                  {{"encoder", costs.weights.encoder},
                                   {"decoder", costs.weights.decoder},
                                   {"embedding", costs.weights.embedding},
                                   {"head", costs.weights.head},
                                   {"total", costs.weights.total()}}},
                                 {"bytes", {{"float32", costs.float32_bytes}, {"bfloat16", costs.bfloat16_bytes}}},
                                 {"prompt_tokens", question.prompt_tokens},
                                 {"response_tokens", question.response_tokens},
                                 {"n", question.n},
                                 {"dtype", std::string(config::enum_name(question.runtime.dtype))},
                                 {"cross_cache_bytes", costs.cross_cache},
                                 {"self_cache_bytes", costs.self_cache},
                                 {"operations",
                                  {{"read_prompt", costs.read_prompt},
                                   {"write_response", costs.write_response},
                                   {"compare", costs.compare},
                                   {"train_pair", costs.train_pair}}}};
  if (question.memory_bytes) json["memory_bytes"] = *question.memory_bytes;
  if (costs.prompts_at_once) json["prompts_at_once"] = *costs.prompts_at_once;
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace westofn::chain
