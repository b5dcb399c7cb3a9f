// SPDX-License-Identifier: Apache-2.0
// For model_folder_test.py: open_models KIND FOLDER [KIND FOLDER]... loads each folder as `westofn score` does and
// opens it as `westofn inspect` does, and prints a line of JSON with both messages and exit codes.
#include <cstdlib>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "chain/model_folder.h"
#include "synthesis/row_scorer.h"
#include "tokenizer/template.h"
#include "util/error.h"

namespace westofn {
namespace {

/// Code and message of what f() throws; nothing else may be thrown.
nlohmann::json outcome(const std::function<void()>& f) {
  try {
    f();
    return {{"code", 0}, {"message", ""}};
  } catch (const Error& error) {
    return {{"code", static_cast<int>(error.code())}, {"message", error.what()}};
  }
}

void load(const std::string& kind, const std::string& folder) {
  (void)scoring::read_scoring_config(folder);
  scoring::ScoringConfig config;
  config.kind = scoring::ScoreKind::likelihood;
  if (kind == "pairwise") {
    config.kind = scoring::ScoreKind::pairwise;
    config.template_text = tokenizer::default_pairwise_template;
  }
  if (kind == "pointwise") {
    config.kind = scoring::ScoreKind::pointwise;
    config.template_text = tokenizer::default_pointwise_template;
  }
  (void)synthesis::load_row_scorer(folder, config, {});
}

}  // namespace
}  // namespace westofn

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string kind = argv[i];
    const std::string folder = argv[i + 1];
    const nlohmann::json line = {{"load", westofn::outcome([&] { westofn::load(kind, folder); })},
                                 {"look", westofn::outcome([&] { (void)westofn::chain::open_model_folder(folder); })}};
    std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  }
  return std::cout.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
}
