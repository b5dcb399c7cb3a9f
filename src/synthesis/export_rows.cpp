// SPDX-License-Identifier: Apache-2.0
#include "synthesis/export_rows.h"

#include <array>
#include <cmath>

namespace westofn::synthesis {
namespace {

void add_lineage(const io::MixtureLineage& lineage, ExportRow& row) {
  row["recipe"] = lineage.recipe;
  row["round"] = lineage.round;
  row["policy"] = lineage.policy;
  row["preference_model"] = lineage.preference_model;
}

}  // namespace

ExportRow synthetic_row(const SyntheticPair& pair, const io::MixtureLineage* lineage) {
  ExportRow row = {{"prompt", pair.prompt_text},
                   {"chosen", pair.chosen_response},
                   {"rejected", pair.rejected_response},
                   {"prompt_id", pair.prompt_id},
                   {"group", pair.group},
                   {"chosen_sample", pair.chosen},
                   {"rejected_sample", pair.rejected},
                   {"confidence", pair.confidence},
                   {"chosen_log_likelihood", pair.chosen_log_likelihood},
                   {"rejected_log_likelihood", pair.rejected_log_likelihood},
                   {"chosen_tokens", pair.chosen_tokens},
                   {"rejected_tokens", pair.rejected_tokens},
                   {"cycle", pair.cycle}};
  if (lineage != nullptr) add_lineage(*lineage, row);
  return row;
}

ExportRow human_row(const HumanPair& pair) {
  constexpr std::array split_names = {"train", "validation", "test", "judge"};
  ExportRow row = {{"prompt", pair.prompt},
                   {"chosen", pair.chosen},
                   {"rejected", pair.rejected},
                   {"id", pair.id},
                   {"group", pair.group},
                   {"split", split_names.at(static_cast<std::size_t>(pair.split))},
                   {"labelled_half", pair.labelled_half},
                   {"source", pair.source},
                   {"line", pair.line}};
  if (std::isfinite(pair.confidence)) row["confidence"] = pair.confidence;
  return row;
}

ExportRow mixture_row(const HumanPair& pair) {
  ExportRow row = {{"prompt", pair.prompt}, {"chosen", pair.chosen}, {"rejected", pair.rejected},
                   {"source", "human"},     {"id", pair.id},         {"group", pair.group}};
  for (const auto* name : {"prompt_id", "chosen_sample", "rejected_sample", "confidence", "recipe", "round", "policy",
                           "preference_model"}) {
    row[name] = nullptr;
  }
  return row;
}

ExportRow mixture_row(const SyntheticPair& pair, const io::MixtureLineage& lineage) {
  ExportRow row = {{"prompt", pair.prompt_text},
                   {"chosen", pair.chosen_response},
                   {"rejected", pair.rejected_response},
                   {"source", "synthetic"},
                   {"id", nullptr},
                   {"group", pair.group},
                   {"prompt_id", pair.prompt_id},
                   {"chosen_sample", pair.chosen},
                   {"rejected_sample", pair.rejected},
                   {"confidence", pair.confidence}};
  add_lineage(lineage, row);
  return row;
}

}  // namespace westofn::synthesis
