// SPDX-License-Identifier: Apache-2.0
// evaluation.h5: what the models are worth. results.h5 has all of it; the schema is in analysis/README.md.
#pragma once

#include <string>
#include <vector>

#include "app/stage.h"
#include "evaluation/assess.h"
#include "evaluation/test_set.h"
#include "io/file.h"

namespace westofn::evaluation {

/// What the files hold.
struct EvaluationContent {
  const Assessment& found;
  const TestSet& test;
  const std::vector<RecipePairs>& recipes;
  const std::vector<Curve>& curves;
  const EvaluateInputs& inputs;
  const std::vector<Choice>& choices;
  const std::string& table;  ///< for the terminal
  const app::StageSpec& spec;
};

/// Local. Publishes evaluation.h5. Throws IoError.
io::FileInfo write_evaluation(const std::string& path, const EvaluationContent& content);

}  // namespace westofn::evaluation
