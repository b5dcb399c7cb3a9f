// SPDX-License-Identifier: Apache-2.0
// evaluation.h5 and results.h5: everything that reports are made from. The schema is in analysis/README.md.
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
  const app::StageSpec& spec;
};

/// Local. Publishes evaluation.h5. Throws IoError.
io::FileInfo write_evaluation(const std::string& path, const EvaluationContent& content);

/// Local. Publishes results.h5: a copy of evaluation.h5 with the resolved experiment and the version of the program.
/// Throws DataError if evaluation.h5 is damaged, IoError.
void publish_results(const std::string& evaluation_path, const std::string& results_path,
                     const std::string& experiment);

}  // namespace westofn::evaluation
