// SPDX-License-Identifier: Apache-2.0
// `westofn export`: pairs as JSONL rows that other programs train on.
#pragma once

#include <cstdint>
#include <string>

namespace westofn::synthesis {

/// Local. Writes the pairs of `pairs` to the new file `out` and returns their number. `pairs` is one of
///   the folder of a finished stage that has pairs (`recipe-NAME`, `prepare`), or one of its files of pairs: every pair
///   once, in the order of the files, of synthetic ones those that are kept;
///   the mixture.h5 of a recipe, in its run folder: the rows of the mixture in training order, human and synthetic
///   ones, as often as they are used. The pairs of the recipe are held in memory.
/// Rows are in TRL's explicit-prompt format (`prompt`, `chosen`, `rejected`: texts) and have, besides,
///   synthetic: prompt_id, group, chosen_sample, rejected_sample (numbers in the pool), confidence,
///              chosen_log_likelihood, rejected_log_likelihood (nats), chosen_tokens, rejected_tokens, cycle; and, with
///              a mixture.h5 in the folder, recipe (its name), round, policy and preference_model (keys of the stages
///              or hashes of the files that wrote and judged the responses);
///   human:     id, group, confidence (where it is given), split, labelled_half, source, line;
///   mixture:   source (human or synthetic), id (human), group, and of synthetic rows prompt_id, chosen_sample,
///              rejected_sample, confidence, recipe, round, policy, preference_model; what a row lacks is null.
/// Throws ConfigError if `out` exists, DataError if `pairs` holds something else or is damaged, or if the human pairs
/// of a mixture are not beside it, IoError; then there is no file.
std::int64_t export_pairs(const std::string& pairs, const std::string& out);

}  // namespace westofn::synthesis
