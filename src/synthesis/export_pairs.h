// SPDX-License-Identifier: Apache-2.0
// `westofn export`: pairs as JSONL rows that other programs train on.
#pragma once

#include <cstdint>
#include <string>

namespace westofn::synthesis {

/// Local. Writes the pairs of `pairs` to the new file `out` and returns their number. `pairs` is a file of synthetic or
/// human pairs, or the folder of a finished stage that has such files (`recipe-NAME`, `prepare`). Rows are in TRL's
/// explicit-prompt format (`prompt`, `chosen`, `rejected`) and have, besides,
///   synthetic, the kept ones: prompt_id, group, chosen_sample, rejected_sample, confidence, chosen_log_likelihood,
///                             rejected_log_likelihood (nats), chosen_tokens, rejected_tokens, cycle;
///   human:                    id, group, confidence (where it is given), split, labelled_half, source, line.
/// Throws ConfigError if `out` exists, DataError if `pairs` holds something else or is damaged, IoError; then there is
/// no file.
std::int64_t export_pairs(const std::string& pairs, const std::string& out);

}  // namespace westofn::synthesis
