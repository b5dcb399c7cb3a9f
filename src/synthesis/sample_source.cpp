// SPDX-License-Identifier: Apache-2.0
#include "synthesis/sample_source.h"

#include <algorithm>
#include <utility>

#include "app/stage_files.h"
#include "comm/agree.h"
#include "model/t5_config.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::synthesis {
namespace {

app::StageWork work_of(const std::vector<Sample>& written) {
  app::StageWork work{0, static_cast<std::int64_t>(written.size())};
  for (const Sample& sample : written) work.tokens += static_cast<std::int64_t>(sample.tokens.size());
  return work;
}

}  // namespace

SampleSource::SampleSource(app::StageRun& stage, Parts parts) : stage_(stage), parts_(parts) {
  if (parts.settings.imports.empty()) return;
  imported_.emplace(stage.job().world, parts.settings.imports, [&stage] { stage.beat(); });
}

std::int64_t SampleSource::samples_of(PromptSet set) const {
  switch (set) {
    case PromptSet::unlabelled: return parts_.settings.n;
    case PromptSet::validation: return parts_.settings.validation_n;
    case PromptSet::test: return parts_.settings.n + 1;
  }
  return 0;
}

void SampleSource::weigh(PlannedShard& shard, std::span<const Prompt> prompts) const {
  for (const Prompt& prompt : prompts) {
    const bool from_files = is_imported(prompt);
    shard.imported += from_files ? 1 : 0;
    shard.cost += from_files ? 1 : estimated_tokens(prompt);
  }
}

/// Read and written, with four bytes a token of English text.
double SampleSource::estimated_tokens(const Prompt& prompt) const {
  const std::int64_t read = static_cast<std::int64_t>(prompt.text.size()) / 4 + 1;
  const std::int64_t written = samples_of(prompt.set) * parts_.settings.max_new_tokens;
  return static_cast<double>(std::min(read, parts_.settings.max_input_tokens.value_or(read)) + written);
}

void SampleSource::load(const std::vector<PlannedShard>& plan, const std::vector<int>& owners) {
  comm::Communicator& world = stage_.job().world;
  comm::agree(world, [&] {
    fault_point("pools.load");
    std::int64_t written = 0;
    std::int64_t imported = 0;
    for (std::size_t i = 0; i < plan.size(); ++i) {
      if (owners[i] != world.rank()) continue;
      imported += plan[i].imported;
      written += plan[i].prompts - plan[i].imported;
    }
    const std::string& folder = parts_.policy.folder;
    if (written + imported > 0) app::verify_input(world, parts_.policy);
    if (written > 0) policy_.emplace(folder, parts_.settings, parts_.seed, parts_.placement);
    if (imported > 0) tokenizer_.emplace(tokenizer::Tokenizer::load(folder, model::read_t5_config(folder).vocab_size));
  });
}

std::vector<std::vector<Sample>> SampleSource::find(std::span<const Prompt> prompts, PromptSet set) {
  const std::int64_t n = samples_of(set);
  std::vector<std::vector<Sample>> samples(prompts.size());
  std::vector<std::size_t> places;
  std::vector<Prompt> asked;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (is_imported(prompts[i])) {
      samples[i] = imported_->read(prompts[i].id, n, *tokenizer_);
      stage_.beat();
    } else {
      places.push_back(i);
      asked.push_back(prompts[i]);
    }
  }
  if (asked.empty()) return samples;
  auto written = policy_->write(asked, n, [&] { stage_.beat(); });
  for (std::size_t k = 0; k < places.size(); ++k) {
    stage_.count_work(work_of(written[k]));
    samples[places[k]] = std::move(written[k]);
  }
  return samples;
}

void SampleSource::count_imported(const std::vector<PlannedShard>& plan, app::StageOutput& output) const {
  if (!imported_) return;
  std::int64_t used = 0;
  std::int64_t all = 0;
  for (const auto& shard : plan) {
    used += shard.imported;
    all += shard.prompts;
  }
  output.counts["imported_prompts"] = used;
  output.counts["import.unknown_prompts"] = imported_->prompts() - used;
  log_info(stage_.name() + ": the samples of " + std::to_string(used) + " of " + std::to_string(all) +
           " prompts are imported");
  if (imported_->prompts() == used) return;
  log_warning(stage_.name() + ": " + std::to_string(imported_->prompts() - used) + " of the " +
              std::to_string(imported_->prompts()) +
              " prompts in the files of generation.import are not among the prompts of the experiment; their ids must "
              "be those of data.prompts (or, for prompts without id, the hash that `westofn generate` gives)");
}

}  // namespace westofn::synthesis
