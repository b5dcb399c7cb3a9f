// SPDX-License-Identifier: Apache-2.0
#include "training/model_card.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "config/config.h"
#include "io/manifest.h"
#include "training/scoring_lines.h"
#include "util/text.h"

namespace westofn::training {
namespace {

using scoring::ScoreKind;

/// What is said about a kind of model.
struct KindText {
  std::string_view pipeline_tag;
  std::string_view tag;
  std::string_view what;
  std::string_view rows;  ///< that the lines of Python read, and what they print
};

KindText text_of(ScoreKind kind) {
  switch (kind) {
    case ScoreKind::pointwise:
      return {
          "text-classification", "reward-model",
          "A pointwise reward model: a T5 whose decoder makes one step, and a linear head (`reward_head.safetensors`) "
          "on its last hidden state. One number for a prompt and a response; higher is better.",
          "`{\"prompt\", \"response\"}` in, the raw score out"};
    case ScoreKind::pairwise:
      return {
          "text-classification", "preference-model",
          "A pairwise preference model: a T5 that reads a prompt with two responses, a and b, and answers with one of "
          "two label tokens. P(a is better) is the softmax over these two, averaged over both orders.",
          "`{\"prompt\", \"a\", \"b\"}` in, P(a is better) out"};
    case ScoreKind::likelihood: break;
  }
  return {"text-generation", "policy", "A policy: a T5 that writes responses to prompts, fine-tuned on demonstrations.",
          "`{\"prompt\", \"response\"}` in, log-likelihood of the response out"};
}

std::string formatted(const char* format, double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// Text of a user in a cell of a table.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : printable(text)) escaped += c == '|' ? "\\|" : std::string(1, c);
  return escaped;
}

/// A block of code, whatever it holds.
std::string block(std::string_view language, std::string_view code) {
  std::string fence = "```";
  while (code.find(fence) != std::string_view::npos) fence += '`';
  std::string text = fence + std::string(language) + "\n" + std::string(code);
  if (!text.ends_with('\n')) text += '\n';
  return text + fence + "\n";
}

std::string head(const ModelCard& card) {
  const KindText kind = text_of(card.scoring.kind);
  return "---\nlibrary_name: transformers\npipeline_tag: " + std::string(kind.pipeline_tag) +
         "\ntags:\n  - t5\n  - westofn\n  - " + std::string(kind.tag) + "\n---\n\n# " + card.name + "\n\n" +
         std::string(kind.what) + " Made by `westofn`, which implements West-of-N (arXiv 2401.12086).\n";
}

std::string quality(const ModelCard& card) {
  const TrainingSummary& summary = card.summary;
  const std::string when = " (step " + std::to_string(summary.best_step) + " of " + std::to_string(summary.steps) + ")";
  std::string text = "\n## How good it is\n| on the validation rows | |\n|---|---|\n";
  if (!summary.accuracy) {
    return text + "| loss a token" + when + " | " + formatted("%.4f", summary.best) + " |\n| before training | " +
           formatted("%.4f", summary.untrained) + " |\n";
  }
  const AccuracyReport& accuracy = *summary.accuracy;
  text += "| accuracy" + when + " | " + accuracy_text(accuracy.model) + ", " + std::to_string(accuracy.model.count) +
          " pairs |\n| before training | " + formatted("%.1f %%", 100 * summary.untrained) +
          " |\n| always preferring the longer response | " + formatted("%.1f %%", 100 * accuracy.longer.accuracy) +
          " |\n| always preferring the shorter response | " + formatted("%.1f %%", 100 * accuracy.shorter.accuracy) +
          " |\n\nTies count half; the interval (95 %) is over groups of pairs.\n";
  const std::string warning = baseline_warning(accuracy);
  if (!warning.empty()) text += "\n**Take note:** " + warning + ".\n";
  return text;
}

std::string origin(const ModelCard& card) {
  std::string text = "\n## What it was made from\nIt started from " + card.origin.start +
                     ".\n\n| source | used as | rows |\n" + "|---|---|---|\n";
  for (const auto& [source, purpose, rows] : card.origin.rows) {
    text += "| " + cell(source) + " | " + purpose + " | " + std::to_string(rows) + " |\n";
  }
  text +=
      "\nRows that could not be used (too long, equal responses) are counted in `" + std::string(summary_name) + "`.\n";
  for (const auto& [title, settings] : card.origin.parts) {
    text += "\n" + title + ".\n";
    if (!settings.empty()) text += "\n" + block("yaml", settings);
  }
  return text;
}

std::string use(const ModelCard& card) {
  const KindText kind = text_of(card.scoring.kind);
  std::string text = "\n## How to use it\nRows of a JSONL file, " + std::string(kind.rows) +
                     ": `python lines.py FOLDER ROWS.jsonl`, or `westofn score --model FOLDER --kind " +
                     std::string(config::enum_name(card.scoring.kind)) + " --data ROWS.jsonl --out SCORES.jsonl`.\n\n" +
                     block("python", scoring_lines(card.scoring.kind));
  if (!card.scoring.template_text.empty()) {
    text += "\nThe input of the encoder, filled in one pass (`westofn.json`):\n\n" +
            block("text", card.scoring.template_text);
  }
  if (card.scale) {
    text += "\nOver the first sample of each validation prompt the raw scores have mean " +
            formatted("%.4g", card.scale->mean) + " and standard deviation " +
            formatted("%.4g", card.scale->standard_deviation) + "; `score_normalised` is measured by them.\n";
  }
  return text;
}

std::string limits(const ModelCard& card) {
  std::string text = "\n## Limits\n";
  const auto add = [&](const std::string& line) { text += "- " + line + "\n"; };
  if (card.scoring.max_input_tokens) {
    add("Trained on inputs of at most " + std::to_string(*card.scoring.max_input_tokens) +
        " tokens: longer prompts were cut at their " + std::string(config::enum_name(card.scoring.cut)) +
        ". The lines above cut nothing.");
  }
  add("The numbers above chose the checkpoint, so they are a little too good; numbers on test rows come from `westofn "
      "evaluate`.");
  if (card.scoring.kind == ScoreKind::pointwise) {
    add("Only differences between scores of responses to the same prompt mean something.");
  }
  if (card.scoring.kind != ScoreKind::likelihood) {
    add("It has learnt the preferences in its data, the mistakes and habits of those who gave them included; far from "
        "that data, or for responses that were written to please it, its judgement is worth little.");
  } else {
    add("It writes what its demonstrations were like, true or not.");
  }
  return text;
}

/// The manifest of a stage, its name for people, and a setting of it by its key at the start of a line.
struct FinishedStage {
  explicit FinishedStage(const app::StageInput& input)
      : manifest(io::read_manifest(input.folder)), name(input.name + "-" + input.key.substr(0, 8)) {}

  [[nodiscard]] std::string setting(const std::string& key) const {
    for (const std::string& line : split_text(manifest.settings, '\n')) {
      if (line.starts_with(key + ": ")) return line.substr(key.size() + 2);
    }
    return "unknown";
  }

  io::Manifest manifest;
  std::string name;
};

}  // namespace

std::string describe_start(const StartModel& start) {
  const std::string key = start.folder.key.substr(0, 8);
  if (start.architecture)
    return "random weights, with the tokenizer of the stage `" + start.folder.name + "-" + key + "`";
  if (start.folder.name == "model") return "a T5 folder that was given (hash of its files `" + start.folder.key + "`)";
  return "the weights of the stage `" + start.folder.name + "-" + key + "`";
}

void add_sources(const std::map<std::string, std::int64_t>& sources, const std::string& purpose, ModelOrigin& origin) {
  for (const auto& [source, count] : sources) origin.rows.push_back({source, purpose, count});
}

CardPart describe_recipe(const app::StageInput& recipe) {
  const FinishedStage stage(recipe);
  return {"The synthetic pairs come from the stage `" + stage.name + "`, rule " + stage.setting("rule") +
              " with N = " + stage.setting("n"),
          stage.manifest.settings};
}

CardPart describe_generator(const app::StageInput& pools) {
  const FinishedStage stage(pools);
  std::string policy;
  for (const auto& [name, key] : stage.manifest.inputs) {
    if (name != "prepare") policy = " by the policy `" + name + "-" + key.substr(0, 8) + "`";
  }
  return {"The responses were generated in the stage `" + stage.name + "`" + policy + " at temperature " +
              stage.setting("temperature"),
          stage.manifest.settings};
}

std::string to_markdown(const ModelCard& card) {
  return head(card) + quality(card) + origin(card) + use(card) + limits(card);
}

}  // namespace westofn::training
