// SPDX-License-Identifier: Apache-2.0
#include "synthesis/score_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "comm/agree.h"
#include "io/jsonl_reader.h"
#include "synthesis/row_output.h"
#include "synthesis/row_scorer.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

constexpr std::int64_t portion_rows = 64;  // fixed: batches, and with them the last bits, depend on it

void set_labels(scoring::ScoringConfig& config, const std::string& label_tokens) {
  const auto labels = split_text(label_tokens, ',');
  if (labels.size() != 2 || labels[0].empty() || labels[1].empty()) {
    throw ConfigError("--label-tokens: expected two labels with a comma between them, such as A,B; found '" +
                      printable(label_tokens, 60) + "'");
  }
  config.first_label = labels[0];
  config.second_label = labels[1];
}

/// The options, then westofn.json of the model if it is of the same kind, then the defaults.
scoring::ScoringConfig resolve(const ScoreFileSettings& settings) {
  using scoring::ScoreKind;
  const auto saved = scoring::read_scoring_config(settings.model);
  if (!settings.kind && !saved) {
    throw ConfigError("--kind: " + settings.model +
                      " has no westofn.json that says what it scores; give likelihood, pairwise or pointwise");
  }
  scoring::ScoringConfig config;
  config.kind = settings.kind ? *settings.kind : saved->kind;
  if (config.kind == ScoreKind::likelihood) config.cut = tokenizer::CutPrompt::end;  // as `westofn generate` cuts
  if (config.kind == ScoreKind::pairwise) config.template_text = tokenizer::default_pairwise_template;
  if (config.kind == ScoreKind::pointwise) config.template_text = tokenizer::default_pointwise_template;
  if (saved && saved->kind == config.kind) config = *saved;
  if (settings.template_text) {
    if (config.kind == ScoreKind::likelihood) throw ConfigError("--template: likelihoods have no template");
    config.template_text = *settings.template_text;
  }
  if (settings.label_tokens) {
    if (config.kind != ScoreKind::pairwise) throw ConfigError("--label-tokens: only pairwise models have labels");
    set_labels(config, *settings.label_tokens);
  }
  config.max_input_tokens = settings.max_input_tokens;  // nothing is cut unless the user says so
  return config;
}

/// The rows of a file in order; those of other ranks are passed over without parsing.
class RowReader {
 public:
  explicit RowReader(const std::string& path) : reader_(path) {}

  /// Calls `use` for `count` rows from row `first` (from 0) on, as far as they exist; `first` must not go back.
  template <class Use>
  void read(std::int64_t first, std::int64_t count, const Use& use) {
    for (std::int64_t used = 0; used < count; ++row_) {
      const auto line = reader_.next();
      if (!line) return;
      if (row_ < first) continue;
      use(*line);
      ++used;
    }
  }

  [[nodiscard]] const std::string& path() const { return reader_.path(); }

 private:
  io::JsonlReader reader_;
  std::int64_t row_ = 0;
};

RowTexts parse_texts(const io::Line& line, const io::TextPlace& place, scoring::ScoreKind kind) {
  const nlohmann::json json = io::parse_row(line, place.file);
  return read_row_texts(io::JsonValue(json, place), kind);
}

/// Collective. How many rows there are; every rank has looked at its own before a model is loaded.
std::int64_t check_rows(comm::Communicator& world, const std::string& path, scoring::ScoreKind kind) {
  std::array<std::int64_t, 1> rows = {0};
  comm::agree(world, [&] {
    fault_point("score.check");
    RowReader reader(path);
    reader.read(0, std::numeric_limits<std::int64_t>::max(), [&](const io::Line& line) {
      world.beat();
      if (rows[0]++ / portion_rows % world.size() != world.rank()) return;
      static_cast<void>(parse_texts(line, {path, line.number}, kind));
    });
    if (rows[0] == 0) throw DataError(path + ": has no rows; give a file with one JSON object a line");
  });
  world.broadcast(rows, 0);
  return rows[0];
}

/// `count` rows from `first` on, as lines with their scores.
std::string score_portion(RowReader& reader, std::int64_t first, std::int64_t count, const RowScorer& scorer,
                          const scoring::ScoringRun& run) {
  std::vector<ScoredRow> rows;
  reader.read(first, count, [&](const io::Line& line) {
    const io::TextPlace place{reader.path(), line.number};
    rows.push_back({place, parse_texts(line, place, scorer.kind()), nlohmann::ordered_json::parse(line.text)});
  });
  if (static_cast<std::int64_t>(rows.size()) != count) {
    throw DataError(reader.path() + ": changed while it was read; wait until nobody writes to it, then start again");
  }
  scorer.score(rows, run);
  std::string text;
  for (const auto& row : rows) text += row.json.dump() + "\n";
  return text;
}

}  // namespace

void score_file(app::JobContext& job, const ScoreFileSettings& settings) {
  comm::Communicator& world = job.world;
  const scoring::ScoringConfig config = comm::agree(world, [&] {
    if (world.rank() == 0) check_new_file(settings.out);
    return resolve(settings);
  });
  const std::int64_t rows = check_rows(world, settings.data, config.kind);
  const auto scorer = comm::agree(world, [&] {
    fault_point("score.load");
    return load_row_scorer(settings.model, config, model::start_runtime(settings.runtime, job.node.rank()));
  });
  const scoring::ScoringRun run{{settings.runtime.batch_rows, settings.runtime.batch_tokens}, [&] { world.beat(); }};
  const auto reader = comm::agree(world, [&] { return std::make_unique<RowReader>(settings.data); });
  const auto portions = static_cast<std::size_t>((rows + portion_rows - 1) / portion_rows);
  write_portions(job, settings.out, portions, [&](std::size_t portion) {
    const std::int64_t first = static_cast<std::int64_t>(portion) * portion_rows;
    return score_portion(*reader, first, std::min(portion_rows, rows - first), *scorer, run);
  });
}

}  // namespace westofn::synthesis
