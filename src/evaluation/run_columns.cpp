// SPDX-License-Identifier: Apache-2.0
#include "evaluation/run_columns.h"

#include <algorithm>
#include <array>

#include "comm/agree.h"
#include "io/manifest.h"
#include "io/match_file.h"
#include "io/mixture_file.h"
#include "io/pool_file.h"
#include "io/record_file.h"
#include "util/error.h"
#include "util/fault.h"

namespace westofn::evaluation {
namespace {

/// A file of one of several stages.
struct StageFile {
  std::string folder;
  std::size_t stage = 0;  ///< its position in the list of stages
  io::FileInfo info;
};

/// Reads this rank's part of the files, one after the other, inside comm::agree.
template <class Read>
void read_part(comm::Communicator& world, const std::vector<StageFile>& files, const Read& read) {
  std::vector<io::FileInfo> infos;
  for (const auto& file : files) infos.push_back(file.info);
  comm::agree(world, [&] {
    fault_point("results.read");
    const auto [first, end] = files_of_rank(infos, world.rank(), world.size());
    for (std::size_t i = first; i < end; ++i) {
      world.beat();
      read(files[i].folder + "/" + files[i].info.name, files[i]);
    }
  });
}

struct HumanColumns {
  io::TextColumn id, prompt, chosen, rejected;
  std::vector<std::uint8_t> split, labelled_half;
  std::vector<double> confidence;

  void add(const HumanPair& pair) {
    id.add(pair.id);
    prompt.add(pair.prompt);
    chosen.add(pair.chosen);
    rejected.add(pair.rejected);
    split.push_back(static_cast<std::uint8_t>(pair.split));
    labelled_half.push_back(pair.labelled_half ? 1 : 0);
    confidence.push_back(pair.confidence);
  }
};

struct PoolColumns {
  io::TextColumn id, group, prompt;
  std::vector<std::uint8_t> set;
  std::vector<std::int64_t> index;
  std::vector<std::int64_t> ends;  ///< of each pool in this rank's samples

  void add(const Pool& pool, std::size_t samples) {
    id.add(pool.prompt.id);
    group.add(pool.prompt.group);
    prompt.add(pool.prompt.text);
    set.push_back(static_cast<std::uint8_t>(pool.prompt.set));
    index.push_back(pool.index);
    ends.push_back(static_cast<std::int64_t>(samples));
  }
};

struct SampleColumns {
  io::TextColumn response;
  std::vector<std::int64_t> pool;  ///< row of this rank's pools
  std::vector<std::int32_t> number, tokens;
  std::vector<double> log_likelihood;
  std::vector<std::uint8_t> finished;

  void add(const Sample& sample, std::size_t pool_row) {
    response.add(sample.response);
    pool.push_back(static_cast<std::int64_t>(pool_row));
    number.push_back(sample.number);
    tokens.push_back(static_cast<std::int32_t>(sample.tokens.size()));
    log_likelihood.push_back(sample.log_likelihood);
    finished.push_back(sample.finished ? 1 : 0);
  }
};

struct MatchColumns {
  std::vector<std::int64_t> set, pool;
  std::vector<std::int32_t> a, b, round, winner;
  std::vector<double> p_ab, p_ba_swapped;
  std::vector<std::uint8_t> bracket;

  void add(const Match& match, std::size_t of_set) {
    set.push_back(static_cast<std::int64_t>(of_set));
    pool.push_back(match.prompt);
    a.push_back(match.a);
    b.push_back(match.b);
    p_ab.push_back(match.p_ab);
    p_ba_swapped.push_back(match.p_ba_swapped);
    bracket.push_back(static_cast<std::uint8_t>(match.bracket));
    round.push_back(match.round);
    winner.push_back(match.winner);
  }
};

void write_pools(const PoolColumns& pools, const SampleColumns& samples, io::SharedHdf5Writer& out) {
  out.column("/pools/set", pools.set, {"0 unlabelled, 1 validation, 2 test", "1"});
  out.column("/pools/index", pools.index, {"of the prompt among those of its set", "1"});
  out.text("/pools/prompt_id", pools.id, {"id of the prompt", "text"});
  out.text("/pools/group", pools.group, {"its group", "text"});
  out.text("/pools/prompt", pools.prompt, {"its text", "text"});
  out.offsets("/pools/first_sample", pools.ends, samples.number.size(),
              {"the samples of pool i are rows first_sample[i] to first_sample[i + 1] - 1 of /samples", "1"});
}

void write_samples(const SampleColumns& samples, io::SharedHdf5Writer& out) {
  out.column("/samples/pool", samples.pool, {"row of /pools", "1"});
  out.column("/samples/number", samples.number, {"in its pool, from 0; in test pools the last is the SFT sample", "1"});
  out.text("/samples/response", samples.response, {"what the policy wrote", "text"});
  out.column("/samples/tokens", samples.tokens, {"tokens of the response, the end token included", "1"});
  out.column("/samples/log_likelihood", samples.log_likelihood, {"by the policy at temperature 1", "nats"});
  out.column("/samples/finished", samples.finished, {"1: ended by itself, 0: cut at the limit", "1"});
}

}  // namespace

FileRange files_of_rank(const std::vector<io::FileInfo>& files, int rank, int ranks) {
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.bytes;
  FileRange range{files.size(), files.size()};
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    // A file belongs to the rank that its middle falls to.
    const double middle = static_cast<double>(before) + 0.5 * static_cast<double>(files[i].bytes);
    const auto owner =
        std::min(ranks - 1, static_cast<int>(middle / static_cast<double>(std::max<std::uint64_t>(total, 1)) * ranks));
    before += files[i].bytes;
    if (owner < rank) continue;
    if (owner > rank) return {std::min(range.first, i), i};
    range.first = std::min(range.first, i);
  }
  return range;
}

void add_human_pairs(comm::Communicator& world, const std::string& prepared_folder, io::SharedHdf5Writer& out) {
  const auto files = comm::agree(world, [&] {
    std::vector<StageFile> list;
    for (const auto& file : io::read_manifest(prepared_folder).files) {
      if (file.name.starts_with("pairs-")) list.push_back({prepared_folder, 0, file});
    }
    return list;
  });
  HumanColumns pairs;
  read_part(world, files, [&](const std::string& path, const StageFile& file) {
    for (const auto& pair : io::read_pairs(path, file.info)) pairs.add(pair);
  });
  out.text("/human/id", pairs.id, {"id of the human pair", "text"});
  out.text("/human/prompt", pairs.prompt, {"its prompt", "text"});
  out.text("/human/chosen", pairs.chosen, {"the response that was preferred", "text"});
  out.text("/human/rejected", pairs.rejected, {"the other one", "text"});
  out.column("/human/split", pairs.split, {"0 train, 1 validation, 2 test, 3 judge", "1"});
  out.column("/human/labelled_half", pairs.labelled_half, {"1: member of HF50", "1"});
  out.column("/human/confidence", pairs.confidence, {"of the annotator, in his scale; NaN: not given", "1"});
}

void add_pools(comm::Communicator& world, const std::string& pools_folder, io::SharedHdf5Writer& out) {
  const auto files = comm::agree(world, [&] {
    const io::Manifest manifest = io::read_manifest(pools_folder);
    std::vector<StageFile> list;
    for (const auto set : {PromptSet::unlabelled, PromptSet::validation, PromptSet::test}) {
      for (const auto& file : io::pool_files(manifest, set)) list.push_back({pools_folder, 0, file});
    }
    return list;
  });
  PoolColumns pools;
  SampleColumns samples;
  read_part(world, files, [&](const std::string& path, const StageFile& file) {
    for (const auto& pool : io::read_pool(path, file.info)) {
      for (const auto& sample : pool.samples) samples.add(sample, pools.index.size());
      pools.add(pool, samples.number.size());
    }
  });
  const auto before = static_cast<std::int64_t>(out.rows_before(pools.index.size()));
  for (auto& pool : samples.pool) pool += before;
  comm::agree(world, [&] {
    // Matches and synthetic pairs name an unlabelled pool by its index: that is its row here.
    for (std::size_t i = 0; i < pools.index.size(); ++i) {
      if (pools.set[i] == static_cast<std::uint8_t>(PromptSet::unlabelled) &&
          pools.index[i] != before + static_cast<std::int64_t>(i)) {
        throw DataError(pools_folder + ": pool " + std::to_string(pools.index[i]) +
                        " is not where its number says; delete the folder to make it again");
      }
    }
  });
  write_pools(pools, samples, out);
  write_samples(samples, out);
}

void add_matches(comm::Communicator& world, const std::vector<MatchInput>& matches, io::SharedHdf5Writer& out) {
  const auto files = comm::agree(world, [&] {
    std::vector<StageFile> list;
    for (std::size_t i = 0; i < matches.size(); ++i) {
      const std::string& folder = matches[i].input.folder;
      for (const auto& file : io::pool_files(io::read_manifest(folder), PromptSet::unlabelled)) {
        list.push_back({folder, i, file});
      }
    }
    return list;
  });
  MatchColumns columns;
  read_part(world, files, [&](const std::string& path, const StageFile& file) {
    for (const auto& match : io::read_matches(path, file.info).matches) columns.add(match, file.stage);
  });
  out.column("/matches/set", columns.set, {"index into /match_sets", "1"});
  out.column("/matches/pool", columns.pool, {"row of /pools", "1"});
  out.column("/matches/a", columns.a, {"number of the first sample", "1"});
  out.column("/matches/b", columns.b, {"number of the second sample", "1"});
  out.column("/matches/p_ab", columns.p_ab, {"probability of the first label in the order a, b; NaN: not asked", "1"});
  out.column("/matches/p_ba_swapped", columns.p_ba_swapped, {"likewise in the order b, a", "1"});
  out.column("/matches/bracket", columns.bracket, {"0 first, 1 best, 2 worst, 3 final, 4 only", "1"});
  out.column("/matches/round", columns.round, {"from 1 within its bracket", "1"});
  out.column("/matches/winner", columns.winner, {"number of the sample that is better", "1"});
}

void add_mixtures(comm::Communicator& world, const std::vector<RecipeInput>& recipes, io::SharedHdf5Writer& out) {
  const auto files = comm::agree(world, [&] {
    std::vector<StageFile> list;
    for (std::size_t i = 0; i < recipes.size(); ++i) {
      const io::Manifest manifest = io::read_manifest(recipes[i].input.folder);
      for (const auto& file : manifest.files) {
        if (file.name == "mixture.h5") list.push_back({recipes[i].input.folder, i, file});
      }
    }
    return list;
  });
  std::vector<std::int64_t> recipe, row;
  std::vector<std::uint8_t> source;
  read_part(world, files, [&](const std::string& path, const StageFile& file) {
    for (const auto& entry : io::read_mixture(path, file.info)) {
      recipe.push_back(static_cast<std::int64_t>(file.stage));
      source.push_back(static_cast<std::uint8_t>(entry.source));
      row.push_back(entry.row);
    }
  });
  out.column("/mixture/recipe", recipe, {"index into /recipes; its rows stand in training order", "1"});
  out.column("/mixture/source", source, {"0 human, 1 synthetic", "1"});
  out.column("/mixture/row", row,
             {"human: among the pairs of /human that the recipe uses; synthetic: among its kept pairs", "1"});
}

}  // namespace westofn::evaluation
