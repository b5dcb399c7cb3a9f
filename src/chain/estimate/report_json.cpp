// SPDX-License-Identifier: Apache-2.0
// The estimate for programs.
#include <nlohmann/json.hpp>

#include "chain/estimate/estimate.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json to_object(const ModelUse& model) {
  const WeightCounts weights = count_weights(model.config);
  return {{"name", model.name},
          {"used_by", split_text(model.phases, ',')},
          {"weights",
           {{"encoder", weights.encoder},
            {"decoder", weights.decoder},
            {"embedding", weights.embedding},
            {"head", weights.head},
            {"total", weights.total()}}},
          {"bytes", {{"float32", 4 * weights.total()}, {"bfloat16", 2 * weights.total()}}}};
}

Json to_object(const DataSize& data, const MeanLengths& lengths) {
  return {
      {"prompts",
       {{"unlabelled", data.unlabelled_prompts}, {"validation", data.validation_prompts}, {"test", data.test_prompts}}},
      {"pairs",
       {{"hf50", data.labelled_pairs},
        {"hf100", data.training_pairs},
        {"validation", data.validation_pairs},
        {"test", data.test_pairs}}},
      {"demonstrations", data.demonstrations},
      {"rows_from", data.rows_from},
      {"mean_tokens", {{"prompt", lengths.prompt}, {"written", lengths.written}, {"shown", lengths.shown}}},
      {"lengths_from", data.lengths_from}};
}

Json to_object(const PhaseMemory& memory) {
  return {{"weights", memory.weights},
          {"masters", memory.masters},
          {"optimizer", memory.optimizer},
          {"gradients", memory.gradients},
          {"sums", memory.sums},
          {"activations", memory.activations},
          {"cross_cache", memory.cross_cache},
          {"self_cache", memory.self_cache},
          {"logits", memory.logits},
          {"peak", memory.peak},
          {"host", memory.host}};
}

Json to_object(const Phase& phase, const EstimateOptions& options) {
  const PhaseWork& work = phase.work;
  Json json = {{"name", phase.name}, {"memory", phase.memory ? to_object(*phase.memory) : Json(nullptr)}};
  if (phase.memory) {
    json["at_once"] = {{"unit", phase.fitting.unit}, {"now", phase.fitting.at_once}};
    if (options.memory_bytes) {
      json["at_once"]["most"] = phase.fitting.fits;
      json["fits"] = phase.memory->peak <= *options.memory_bytes;
    }
  }
  json["work"] = {{"unit", phase.unit},
                  {"units", work.units},
                  {"operations", work.operations},
                  {"tokens_read", work.tokens_read},
                  {"tokens_written", work.tokens_written},
                  {"busy_ranks", work.busy_ranks},
                  {"exchanged_bytes", work.exchanged_bytes}};
  json["disk"] = {{"stays", phase.disk}, {"temporary", phase.disk_temporary}};
  json["hours"] = or_null(phase.hours);
  return json;
}

}  // namespace

std::string to_json(const Estimate& estimate) {
  const EstimateOptions& options = estimate.options;
  Json json = {{"experiment", estimate.name},
               {"ranks", options.ranks},
               {"dtype", std::string(config::enum_name(estimate.runtime.dtype))},
               {"device", is_on_gpu(estimate.runtime) ? "gpu" : "cpu"},
               {"memory_bytes", or_null(options.memory_bytes)},
               {"models", Json::array()},
               {"data", to_object(estimate.data, estimate.lengths)},
               {"phases", Json::array()}};
  for (const ModelUse& model : estimate.models) json["models"].push_back(to_object(model));
  for (const Phase& phase : estimate.phases) json["phases"].push_back(to_object(phase, options));
  json["total"] = {{"operations", estimate.total_operations()},
                   {"disk_stays", estimate.total_disk()},
                   {"disk_temporary", estimate.temporary_disk()},
                   {"hours", or_null(estimate.total_hours())}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace westofn::chain
