// SPDX-License-Identifier: Apache-2.0
#include "evaluation/judge.h"

#include <set>

#include "comm/agree.h"
#include "comm/typed.h"
#include "evaluation/shared_scoring.h"
#include "io/hdf5.h"
#include "metrics/best_of_n.h"
#include "metrics/interval.h"
#include "util/philox.h"

namespace westofn::evaluation {
namespace {

std::size_t samples_of(const TestSet& test) { return static_cast<std::size_t>(test.n + 1); }

/// A sample beside the one that it is compared with.
struct Comparison {
  const Pool& pool;
  const Sample& sample;
  const Sample& opponent;
  bool swapped;  ///< the opponent stands first
};

Comparison comparison(const TestSet& test, std::int64_t row, std::uint64_t seed) {
  const auto place = static_cast<std::size_t>(row);
  const Pool& pool = test.pools[place / samples_of(test)];
  const Sample& sample = pool.samples[place % samples_of(test)];
  const Philox random("judge order", seed, 0, pool.prompt.id);
  return {pool, sample, pool.samples.back(), random.uniform(static_cast<std::uint32_t>(sample.number), 0) < 0.5};
}

}  // namespace

std::vector<std::int64_t> best_rows(const TestSet& test, const std::vector<Scorer>& scorers) {
  std::set<std::int64_t> rows;
  for (const auto& scorer : scorers) {
    if (scorer.scores.samples.empty()) continue;
    for (std::size_t p = 0; p < test.pools.size(); ++p) {
      const std::size_t first = p * samples_of(test);
      const auto best =
          metrics::best_sample(std::span(scorer.scores.samples).subspan(first, static_cast<std::size_t>(test.n)));
      if (best >= 0) rows.insert(static_cast<std::int64_t>(first) + best);
    }
  }
  return {rows.begin(), rows.end()};
}

std::vector<double> judge_rows(app::StageRun& stage, const ScoringTask& task, const std::vector<std::int64_t>& rows,
                               std::uint64_t seed) {
  comm::Communicator& world = stage.job().world;
  const TestSet& test = task.test;
  std::vector<std::int64_t> asked;
  for (const std::int64_t row : rows) {
    const Comparison both = comparison(test, row, seed);
    if (both.sample.response != both.opponent.response) asked.push_back(row);
  }
  asked = comm::broadcast_object(world, asked, 0);
  const PairwiseModel loaded = load_pairwise(stage, task);
  const scoring::PairwiseFormat format(loaded.tokenizer, loaded.config);
  InputList list;
  list.count = asked.size();
  list.encode = [&](std::size_t i) {
    const Comparison both = comparison(test, asked[i], seed);
    const auto& [first, second] =
        both.swapped ? std::tie(both.opponent, both.sample) : std::tie(both.sample, both.opponent);
    return format.encode(both.pool.prompt.text, first.response, second.response);
  };
  list.score = loaded.first_label_probability(format, stage, task.runtime);
  const std::vector<double> scores = score_shared(stage, list, task.model.folder);
  if (world.rank() != 0) return {};

  std::vector<double> judged(test.pools.size() * samples_of(test), metrics::no_value);
  for (const std::int64_t row : rows) judged[static_cast<std::size_t>(row)] = 0.5;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const bool swapped = comparison(test, asked[i], seed).swapped;
    judged[static_cast<std::size_t>(asked[i])] = swapped ? 1 - scores[i] : scores[i];
  }
  return judged;
}

io::FileInfo write_judged(const std::string& path, const std::vector<double>& judged) {
  io::Hdf5Writer writer;
  writer.attribute("/", "filetype", "westofn/judged");
  writer.dataset("/judged", judged,
                 {"P(sample > SFT sample) of each sample of the test pools by the judge; NaN: not asked", "1"});
  return writer.publish(path);
}

std::vector<double> read_judged(const std::string& path, const TestSet& test) {
  const io::Hdf5Reader reader(path);
  auto judged = reader.read<double>("/judged");
  if (judged.size() != test.pools.size() * samples_of(test)) {
    reader.refuse("does not fit the test set; delete the file to make it again");
  }
  return judged;
}

}  // namespace westofn::evaluation
