// SPDX-License-Identifier: Apache-2.0
// What earlier stages of a run folder can lend to a new one: files that it would make with the same bytes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "util/error.h"
#include "util/log.h"

namespace westofn::app {

/// A complete stage.
struct FinishedStage {
  std::string folder;
  io::Manifest manifest;

  /// The key of an input; "" if it has no input of that name.
  [[nodiscard]] std::string input_key(const std::string& name) const;
};

/// Local. The complete stages NAME-KEY of the run that `is_wanted` accepts, in order of their folders. Damaged
/// manifests are passed over: they are no concern of a new stage.
[[nodiscard]] std::vector<FinishedStage> finished_stages(const RunFolder& run, const std::string& name,
                                                         const std::function<bool(const io::Manifest&)>& is_wanted);

/// Local. What `read` makes of a file that a finished stage has left; nothing, with a warning, if the file is missing
/// or damaged: what cannot be lent is made anew.
template <class Read>
[[nodiscard]] auto read_if_intact(const Read& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const DataError& error) {
    log_warning(std::string(error.what()) + "; it is not used, what it has is made anew");
    return std::nullopt;
  }
}

/// Local. Gives a file of a finished stage to the stage that is being made, under the same name: as a second name of
/// the same file where the file system has such, else as a copy. Throws IoError.
void take_over_file(StageRun& stage, const FinishedStage& from, const io::FileInfo& file);

}  // namespace westofn::app
