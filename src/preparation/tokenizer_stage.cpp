// SPDX-License-Identifier: Apache-2.0
#include "preparation/tokenizer_stage.h"

#include <array>
#include <chrono>
#include <future>

#include "comm/agree.h"
#include "config/config.h"
#include "io/durable_file.h"
#include "io/record_file.h"
#include "tokenizer/template.h"
#include "tokenizer/train.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/philox.h"

namespace westofn::preparation {
namespace {

constexpr const char* model_name = "spiece.model";
constexpr std::array<std::string_view, 4> known_names = {"prompt", "a", "b", "response"};

/// A template with whatever place holders it has.
class AnyTemplate {
 public:
  explicit AnyTemplate(const std::string& text) : template_(text, names_in(text)) {}

  /// The text around the place holders.
  [[nodiscard]] std::string literals() const {
    return template_.fill({{"prompt", ""}, {"a", ""}, {"b", ""}, {"response", ""}});
  }
  [[nodiscard]] bool has_response() const { return template_.text().find("{response}") != std::string::npos; }
  [[nodiscard]] std::string fill(const std::string& prompt, const std::string& first, const std::string& second) const {
    return template_.fill({{"prompt", prompt}, {"a", first}, {"b", second}, {"response", first}});
  }

 private:
  static std::vector<std::string> names_in(const std::string& text) {
    std::vector<std::string> names;
    for (const auto name : known_names) {
      if (text.find("{" + std::string(name) + "}") != std::string::npos) names.emplace_back(name);
    }
    return names;
  }

  tokenizer::Template template_;
};

/// A uniform sample of the texts that it is shown, drawn in one pass; always the same for the same texts.
class TextSample {
 public:
  explicit TextSample(std::int64_t most) : most_(most) {}

  void show(std::string text) {
    ++shown_;
    if (std::ssize(texts_) < most_) {
      texts_.push_back(std::move(text));
      return;
    }
    const auto place = static_cast<std::int64_t>(random_.uniform() * static_cast<double>(shown_));
    if (place < most_) texts_[static_cast<std::size_t>(place)] = std::move(text);
  }

  [[nodiscard]] std::int64_t shown() const { return shown_; }
  [[nodiscard]] std::vector<std::string> take() { return std::move(texts_); }

 private:
  std::int64_t most_;
  std::int64_t shown_ = 0;
  std::vector<std::string> texts_;
  RandomSequence random_{Philox("tokenizer", 0, 0, "")};
};

/// What rank 0 does.
class TokenizerTraining {
 public:
  TokenizerTraining(app::StageRun& stage, const TokenizerTask& task)
      : stage_(stage), task_(task), sample_(task.settings.max_sentences) {
    for (const auto& text : task.templates) templates_.emplace_back(text);
  }

  void run() {
    fault_point("tokenizer.read");
    read_texts();
    const std::string bytes = train();
    fault_point("tokenizer.write");
    stage_.note_file(io::write_durable(stage_.folder() + "/" + model_name, bytes));
  }

 private:
  void read_texts() {
    const io::Manifest prepared = io::read_manifest(task_.prepared.folder);
    for (const auto& file : prepared.files) {
      const std::string path = task_.prepared.folder + "/" + file.name;
      if (file.name.starts_with("pairs-")) {
        for (const auto& pair : io::read_pairs(path, file)) show_pair(pair);
      } else if (file.name.starts_with("demonstrations-")) {
        for (const auto& shown : io::read_demonstrations(path, file)) show_texts({shown.prompt, shown.response});
      } else if (task_.settings.unlabelled_prompts && file.name.starts_with("prompts-")) {
        for (const auto& prompt : io::read_prompts(path, file)) {
          if (prompt.set == PromptSet::unlabelled) show_texts({prompt.text});
        }
      }
      stage_.beat();
      stage_.stop_if_signalled();
    }
  }

  void show_texts(const std::vector<std::string>& texts) {
    for (const auto& text : texts) sample_.show(text);
  }

  /// Both responses count alike, so that no label of the other half shows in the tokenizer.
  void show_pair(const HumanPair& pair) {
    if (pair.split != Split::train) return;
    show_texts({pair.prompt, pair.chosen, pair.rejected});
    for (const auto& filled : templates_) {
      sample_.show(filled.fill(pair.prompt, pair.chosen, pair.rejected));
      if (filled.has_response()) sample_.show(filled.fill(pair.prompt, pair.rejected, pair.chosen));
    }
  }

  /// Trains beside this thread, which tells the peers meanwhile that it is alive.
  std::string train() {
    tokenizer::TrainingTexts texts;
    const std::int64_t shown = sample_.shown();
    texts.sentences = sample_.take();
    for (const auto& filled : templates_) texts.phrases.push_back(filled.literals());
    texts.labels = task_.labels;
    log_info("training a tokenizer on " + std::to_string(texts.sentences.size()) + " of " + std::to_string(shown) +
             " texts");
    auto training = std::async(std::launch::async, [&] { return tokenizer::train_tokenizer(task_.settings, texts); });
    while (training.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) stage_.beat();
    return training.get();
  }

  app::StageRun& stage_;
  const TokenizerTask& task_;
  std::vector<AnyTemplate> templates_;
  TextSample sample_;
};

}  // namespace

app::StageSpec tokenizer_spec(const TokenizerTask& task) {
  std::string settings = config::to_yaml(task.settings);
  for (const auto& label : task.labels) settings += "label: " + config::emit_text(label) + "\n";
  for (const auto& text : task.templates) settings += "template: " + config::emit_text(text) + "\n";
  return {"tokenizer", 1, settings, {task.prepared.for_manifest()}};
}

io::Manifest make_tokenizer(app::JobContext& job, const app::RunFolder& run, const TokenizerTask& task) {
  return app::run_stage(job, run, tokenizer_spec(task), [&](app::StageRun& stage) {
    comm::agree(job.world, [&] {
      if (job.world.rank() == 0) TokenizerTraining(stage, task).run();
    });
    return app::StageOutput{{model_name}, {}};
  });
}

}  // namespace westofn::preparation
