// SPDX-License-Identifier: Apache-2.0
// The large parts of results.h5: every rank reads a consecutive part of the files of a stage and writes its rows.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "evaluation/evaluate.h"
#include "io/file.h"
#include "io/shared_hdf5.h"

namespace westofn::evaluation {

/// Which files a rank reads: consecutive ones, of about equally many bytes on every rank. First and behind the last.
struct FileRange {
  std::size_t first = 0;
  std::size_t end = 0;
};
[[nodiscard]] FileRange files_of_rank(const std::vector<io::FileInfo>& files, int rank, int ranks);

/// All collective; they throw DataError if a file is damaged, IoError. /human, /pools and /samples, /matches,
/// /mixture of the schema.
void add_human_pairs(comm::Communicator& world, const std::string& prepared_folder, io::SharedHdf5Writer& out);
void add_pools(comm::Communicator& world, const std::string& pools_folder, io::SharedHdf5Writer& out);
void add_matches(comm::Communicator& world, const std::vector<MatchInput>& matches, io::SharedHdf5Writer& out);
void add_mixtures(comm::Communicator& world, const std::vector<RecipeInput>& recipes, io::SharedHdf5Writer& out);

}  // namespace westofn::evaluation
