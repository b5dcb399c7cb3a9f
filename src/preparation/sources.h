// SPDX-License-Identifier: Apache-2.0
// The input files of an experiment as one list, and their rows as keys and records.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/jsonl_reader.h"
#include "preparation/decide.h"
#include "preparation/settings.h"
#include "record/records.h"

namespace westofn::preparation {

/// One input file and what is said of all its rows.
struct Source {
  RowKind kind = RowKind::pair;
  std::string path;
  std::string name;  ///< without folders; the `source` of its records
  io::PairFormat format = io::PairFormat::trl;
  SplitChoice split = SplitChoice::by_group;
  HalfChoice half = HalfChoice::by_group;
  PromptSet set = PromptSet::unlabelled;
};

/// The files that the settings name, pairs first, then prompts, then demonstrations: the order of all rows.
[[nodiscard]] std::vector<Source> list_sources(const DataSettings& settings);

/// The settings that read the files of a toy world in `folder` instead of making one.
[[nodiscard]] DataSettings read_world(const DataSettings& settings, const std::string& folder);

/// A row with its text. The record is meaningless unless the key's outcome is `kept`.
struct Row {
  RowKey key;
  std::variant<HumanPair, Prompt, Demonstration> record;
};

/// Reads a line of a source. A row that cannot be read throws DataError, or under `skip` is noted in `skipped` and
/// gives the outcome bad_record.
[[nodiscard]] Row read_row(const std::vector<Source>& sources, std::size_t source, const io::Line& line,
                           io::OnBadRecord on_bad_record, io::SkippedRecords& skipped);

}  // namespace westofn::preparation
