// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/data_size.h"

#include <algorithm>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stop.h"
#include "comm/single_communicator.h"
#include "io/file.h"
#include "io/manifest.h"
#include "io/record_file.h"
#include "preparation/balance.h"
#include "preparation/blocks.h"
#include "preparation/inputs.h"
#include "tokenizer/tokenizer.h"
#include "util/error.h"
#include "util/text.h"
#include "world/toy_world.h"

namespace westofn::chain {
namespace {

constexpr std::uint64_t parsed_bytes = 1'000'000'000;
constexpr std::size_t measured_rows = 500;

using Counts = std::map<std::string, std::int64_t>;

/// The first texts of the data.
struct Texts {
  std::vector<std::string> prompts;
  std::vector<std::string> responses;

  void add(const HumanPair& pair) {
    if (responses.size() >= 2 * measured_rows) return;
    prompts.push_back(pair.prompt);
    responses.push_back(pair.chosen);
    responses.push_back(pair.rejected);
  }
  void add(const Prompt& prompt) {
    if (prompts.size() < 2 * measured_rows) prompts.push_back(prompt.text);
  }
  void add(const Demonstration& row) {
    if (responses.size() < measured_rows) responses.push_back(row.response);
  }
};

/// Rows as `prepare` counts them, and texts.
struct Found {
  Counts counts;
  Texts texts;
  std::string from;
};

/// The finished stage, if this run folder has it for these settings and files.
std::optional<Found> find_prepared(const Experiment& experiment, const std::string& run_dir) {
  const app::RunFolder run(run_dir.empty() ? "runs/" + experiment.name : run_dir);
  if (!io::file_status(run.path())) return std::nullopt;
  comm::SingleCommunicator alone;
  const app::CommonOptions options;
  const app::StopControl stop(std::nullopt);
  app::JobContext job{alone, alone, options, stop};
  const std::string name = preparation::find_inputs(job, run, experiment.data, experiment.seed).spec.folder_name();
  const std::string folder = run.stage(name);
  if (!io::has_manifest(folder)) return std::nullopt;
  const io::Manifest manifest = io::read_manifest(folder);
  Found found{manifest.counts, {}, printable(folder)};
  const auto first = [&](const std::string& prefix) {
    return std::ranges::find_if(manifest.files, [&](const auto& file) { return file.name.starts_with(prefix); });
  };
  if (const auto file = first("pairs-"); file != manifest.files.end()) {
    for (const auto& pair : io::read_pairs(folder + "/" + file->name, *file)) found.texts.add(pair);
  }
  if (const auto file = first("prompts-"); file != manifest.files.end()) {
    for (const auto& prompt : io::read_prompts(folder + "/" + file->name, *file)) found.texts.add(prompt);
  }
  return found;
}

/// A toy world is what its settings say; validation prompts are those of its validation pairs.
Found look_at_world(const Experiment& experiment) {
  const preparation::WorldSettings& settings = *experiment.data.world;
  world::ToyWorldSettings toy = settings.toy;
  toy.seed = settings.seed.value_or(experiment.seed);
  Found found;
  found.from = "the settings of the world (rows that stand twice are counted twice)";
  found.counts = {{"prompts.unlabelled", toy.unlabelled_prompts},
                  {"prompts.validation", toy.validation_pairs},
                  {"prompts.test", toy.test_prompts},
                  {"labelled_half", toy.labelled_pairs},
                  {"split.train", toy.labelled_pairs + toy.other_pairs},
                  {"split.validation", toy.validation_pairs},
                  {"split.test", toy.test_pairs},
                  {"demonstrations", toy.demonstrations > 0 ? toy.demonstrations : toy.labelled_pairs}};
  for (std::int64_t i = 0; i < std::int64_t{measured_rows} / 2; ++i) {
    found.texts.add(world::make_pair(toy, world::ToyPart::labelled, i));
    found.texts.add(world::make_prompt(toy, world::ToyPart::unlabelled_prompts, i));
  }
  return found;
}

/// Reads the input files and decides as `prepare` does.
std::optional<Found> read_files(const Experiment& experiment) {
  const std::vector<preparation::Source> sources = preparation::list_sources(experiment.data);
  std::uint64_t bytes = 0;
  for (const auto& source : sources) {
    const auto status = io::file_status(source.path);
    if (!status) return std::nullopt;
    bytes += status->bytes;
  }
  if (bytes > parsed_bytes) return std::nullopt;
  Found found;
  found.from = "the input files";
  std::vector<preparation::RowKey> keys;
  io::SkippedRecords skipped;
  preparation::walk_blocks(
      sources, experiment.data.rows_per_file, [](std::size_t) { return true; },
      [&](std::size_t from, const io::Line& line) {
        const preparation::Row row = preparation::read_row(sources, from, line, experiment.data.on_bad_record, skipped);
        keys.push_back(row.key);
        if (row.key.outcome == preparation::Outcome::kept) {
          std::visit([&](const auto& record) { found.texts.add(record); }, row.record);
        }
      },
      [] {});
  const preparation::Decisions decisions = preparation::decide(keys, experiment.data, experiment.seed);
  found.counts = preparation::manifest_counts(preparation::make_balance(sources, keys, decisions.rows));
  return found;
}

void take_counts(const Counts& counts, DataSize& size) {
  const auto count = [&](const char* name) {
    const auto entry = counts.find(name);
    return entry == counts.end() ? 0.0 : static_cast<double>(entry->second);
  };
  size.unlabelled_prompts = count("prompts.unlabelled");
  size.validation_prompts = count("prompts.validation");
  size.test_prompts = count("prompts.test");
  size.labelled_pairs = count("labelled_half");
  size.training_pairs = count("split.train");
  size.validation_pairs = count("split.validation");
  size.test_pairs = count("split.test");
  size.demonstrations = count("demonstrations");
}

/// Pairs that are split by the shares; every one has a prompt of its own, half of the training pairs are labelled.
void take_given_pairs(double pairs, const preparation::DataSettings& data, DataSize& size) {
  size.training_pairs = pairs * data.shares.train;
  size.labelled_pairs = size.training_pairs / 2;
  size.validation_pairs = size.validation_prompts = pairs * data.shares.validation;
  size.test_pairs = size.test_prompts = pairs * data.shares.test;
  size.demonstrations = size.labelled_pairs;
}

std::optional<tokenizer::Tokenizer> find_tokenizer(const Experiment& experiment) {
  if (!experiment.policy || !experiment.policy->model) return std::nullopt;
  const std::string& folder = *experiment.policy->model;
  if (!io::file_status(folder + "/spiece.model")) return std::nullopt;
  return tokenizer::Tokenizer::load(folder, model::read_t5_config(folder).vocab_size);
}

void measure_texts(const Texts& texts, const std::optional<tokenizer::Tokenizer>& tokenizer, DataSize& size) {
  double bytes = 0;
  double tokens = 0;
  const auto mean = [&](const std::vector<std::string>& list) {
    double sum = 0;
    for (const auto& text : list) {
      sum += tokenizer ? static_cast<double>(tokenizer->encode_with_end(text).size())
                       : static_cast<double>(text.size()) / 4 + 1;
      bytes += static_cast<double>(text.size());
    }
    tokens += sum;
    return sum / static_cast<double>(list.size());
  };
  if (!texts.prompts.empty()) size.prompt_tokens = mean(texts.prompts);
  if (!texts.responses.empty()) size.response_tokens = mean(texts.responses);
  if (tokens > 0) size.bytes_per_token = bytes / tokens;
  size.lengths_from = "means of the first rows";
  size.lengths_from += tokenizer ? ", tokenised" : ", four bytes a token";
}

/// The longest that the settings let them be.
void take_limits(const Experiment& experiment, DataSize& size) {
  const auto& policy = experiment.policy;
  size.prompt_tokens =
      static_cast<double>(experiment.generation.max_input_tokens.value_or(policy ? policy->max_input_tokens : 1024));
  size.response_tokens = static_cast<double>(experiment.generation.max_new_tokens);
  size.lengths_from = "the limits of the settings, so all that is computed from them is an upper bound";
}

std::optional<Found> find_data(const Experiment& experiment, const std::string& run_dir) {
  const auto sources = preparation::list_sources(experiment.data);
  const bool all_there =
      std::ranges::all_of(sources, [](const auto& source) { return io::file_status(source.path).has_value(); });
  if (all_there) {
    if (auto prepared = find_prepared(experiment, run_dir)) return prepared;
  }
  if (experiment.data.world) return look_at_world(experiment);
  return all_there ? read_files(experiment) : std::nullopt;
}

}  // namespace

DataSize measure_data(const Experiment& experiment, const std::string& run_dir, const GivenSize& given) {
  DataSize size;
  take_limits(experiment, size);
  const bool all_given = given.prompts && given.pairs;
  const std::optional<Found> found = all_given ? std::nullopt : find_data(experiment, run_dir);
  if (found) {
    take_counts(found->counts, size);
    measure_texts(found->texts, find_tokenizer(experiment), size);
    size.rows_from = found->from;
  } else if (!all_given) {
    throw ConfigError(
        "the rows of `data` cannot be counted: a file is not there, or they have more than 1 GB together; give their "
        "numbers with --prompts N and --pairs N");
  }
  std::vector<std::string> given_rows;
  if (given.pairs) {
    const double unlabelled = size.unlabelled_prompts;
    take_given_pairs(static_cast<double>(*given.pairs), experiment.data, size);
    size.unlabelled_prompts = unlabelled;
    given_rows.emplace_back("--pairs, split by data.shares, half of them labelled");
  }
  if (given.prompts) {
    size.unlabelled_prompts = static_cast<double>(*given.prompts);
    given_rows.emplace_back("--prompts");
  }
  if (!given_rows.empty()) {
    size.rows_from = join_text(given_rows, " and ") + (found ? "; others from " + size.rows_from : "");
  }
  std::vector<std::string> given_lengths;
  if (given.prompt_tokens) {
    size.prompt_tokens = *given.prompt_tokens;
    given_lengths.emplace_back("--prompt-tokens");
  }
  if (given.response_tokens) {
    size.response_tokens = *given.response_tokens;
    given_lengths.emplace_back("--response-tokens");
  }
  if (given_lengths.size() == 2) size.lengths_from = join_text(given_lengths, " and ");
  if (given_lengths.size() == 1) size.lengths_from = given_lengths[0] + "; the other from " + size.lengths_from;
  return size;
}

}  // namespace westofn::chain
