// SPDX-License-Identifier: Apache-2.0
// mixture.h5: the list of human and synthetic pairs that a reward model is trained on, in training order.
//
// Layout: /source (uint8: human, synthetic) and /row (int64), one entry a row of the mixture; the lineage of what the
// rows number stands once in /human/id (text) and in /synthetic/{prompt,file,row} (int64) and
// /synthetic/{chosen,rejected} (int32). What all synthetic pairs have in common are attributes of the file: `recipe`,
// `round`, `policy` and `preference_model` (their keys). Texts stay in the pairs files: a kept pair costs 32
// bytes here, and each row of the mixture 9.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/file.h"
#include "record/records.h"

namespace westofn::io {

/// Where a kept synthetic pair stands.
struct SyntheticOrigin {
  std::int64_t prompt = 0;  ///< index of its pool
  std::int64_t file = 0;    ///< number of its pairs file
  std::int64_t row = 0;     ///< in that file, from 0, dropped ones counted
  std::int32_t chosen = 0;  ///< numbers of the two samples in that pool
  std::int32_t rejected = 0;
};

/// What the numbers of a mixture's rows stand for.
struct MixtureLineage {
  std::vector<std::string> human_ids;      ///< [i]: id of the pair that human rows call i
  std::vector<SyntheticOrigin> synthetic;  ///< [i]: the pair that synthetic rows call i
  std::string recipe{};                    ///< its name in the experiment
  std::int64_t round = 1;                  ///< of self-training: 1 has the policy and the teacher that people trained
  std::string policy{};                    ///< key of the stage, or hash of the files, that wrote the responses
  std::string preference_model{};          ///< likewise, of what judged them
};

/// Publishes the mixture. Local. Throws IoError.
FileInfo write_mixture(const std::string& path, std::span<const MixtureRow> rows, const MixtureLineage& lineage);

/// Reads the rows in training order; checked against a manifest's entry if one is given. Local. Throws DataError that
/// names the file if it is damaged, of another type or version, or if a row numbers a pair that the lineage lacks.
[[nodiscard]] std::vector<MixtureRow> read_mixture(const std::string& path,
                                                   const std::optional<FileInfo>& expected = std::nullopt);

/// Reads what the rows stand for. Local. Throws as read_mixture.
[[nodiscard]] MixtureLineage read_lineage(const std::string& path,
                                          const std::optional<FileInfo>& expected = std::nullopt);

}  // namespace westofn::io
