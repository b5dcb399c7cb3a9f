// SPDX-License-Identifier: Apache-2.0
#include "io/match_file.h"

#include <cmath>
#include <string_view>

#include "io/hdf5_kind.h"
#include "util/error.h"

namespace westofn::io {
namespace {

constexpr const char* filetype = "westofn/matches";

constexpr const char* bracket_names = "first, best, worst, final, only";
constexpr auto last_bracket = static_cast<std::uint8_t>(Bracket::only);
constexpr const char* outcome_names = "kept, one_response, inverted, too_long, non_finite";
constexpr auto last_outcome = static_cast<std::uint8_t>(PairOutcome::non_finite);

template <class T, class Member>
std::vector<T> column(const std::vector<Match>& matches, Member Match::*field) {
  std::vector<T> values;
  values.reserve(matches.size());
  for (const auto& match : matches) values.push_back(static_cast<T>(match.*field));
  return values;
}

template <class T, class Member>
void assign(const Hdf5Reader& in, const char* path, std::vector<Match>& matches, Member Match::*field) {
  const auto values = in.read<T>(path);
  if (values.size() != matches.size()) {
    in.refuse(std::string(path) + " has " + std::to_string(values.size()) + " rows, /prompt has " +
              std::to_string(matches.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) matches[i].*field = static_cast<Member>(values[i]);
}

void check_range(const Hdf5Reader& in, const char* path, std::uint8_t last) {
  for (const auto value : in.read<std::uint8_t>(path)) {
    if (value > last) {
      in.refuse(std::string(path) + ": holds " + std::to_string(value) + ", the last is " + std::to_string(last));
    }
  }
}

/// A match belongs to a pool of the shard, and one of its two samples wins.
void check_matches(const Hdf5Reader& in, const MatchShard& shard) {
  std::size_t prompt = 0;
  for (std::size_t i = 0; i < shard.matches.size(); ++i) {
    const Match& match = shard.matches[i];
    while (prompt < shard.prompts.size() && shard.prompts[prompt] != match.prompt) ++prompt;
    const bool fits = prompt < shard.prompts.size() && match.a >= 0 && match.b >= 0 && match.a != match.b &&
                      (match.winner == match.a || match.winner == match.b);
    if (!fits) in.refuse("row " + std::to_string(i) + " is no match of a prompt of /prompts/index, in their order");
  }
}

void write_scores(Hdf5Writer& out, const std::vector<ScoredSample>& scores) {
  std::vector<std::int64_t> prompts;
  std::vector<std::int32_t> samples;
  std::vector<double> values;
  for (const auto& entry : scores) {
    prompts.push_back(entry.prompt);
    samples.push_back(entry.sample);
    values.push_back(entry.score);
  }
  out.dataset("/scores/prompt", prompts, {"index of the pool of the sample", "1"});
  out.dataset("/scores/sample", samples, {"number of the sample in its pool", "1"});
  out.dataset("/scores/score", values, {"raw score of the sample by the pointwise teacher", "1"});
}

std::vector<ScoredSample> read_scores(const Hdf5Reader& in) {
  if (!in.contains("/scores/prompt")) return {};
  const auto prompts = in.read<std::int64_t>("/scores/prompt");
  const auto samples = in.read<std::int32_t>("/scores/sample");
  const auto values = in.read<double>("/scores/score");
  if (samples.size() != prompts.size() || values.size() != prompts.size()) {
    in.refuse("/scores/prompt, /scores/sample and /scores/score differ in rows");
  }
  std::vector<ScoredSample> scores;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!std::isfinite(values[i])) in.refuse("/scores/score: row " + std::to_string(i) + " is not a finite number");
    scores.push_back({prompts[i], samples[i], values[i]});
  }
  return scores;
}

}  // namespace

FileInfo write_matches(const std::string& path, const MatchShard& shard) {
  WESTOFN_CHECK(shard.prompts.size() == shard.outcomes.size(), "every prompt has an outcome");
  Hdf5Writer out;
  write_kind(out, filetype);
  out.attribute("/", "scored", shard.scored);
  const auto& matches = shard.matches;
  out.dataset("/prompt", column<std::int64_t>(matches, &Match::prompt), {"index of the pool of the match", "1"});
  out.dataset("/a", column<std::int32_t>(matches, &Match::a), {"number of the first sample in its pool", "1"});
  out.dataset("/b", column<std::int32_t>(matches, &Match::b), {"number of the second sample in its pool", "1"});
  out.dataset("/p_ab", column<double>(matches, &Match::p_ab),
              {"probability of the first label in the order a, b; NaN: this order was not asked", "1"});
  out.dataset("/p_ba_swapped", column<double>(matches, &Match::p_ba_swapped),
              {"probability of the first label in the order b, a; NaN: this order was not asked", "1"});
  out.dataset("/bracket", column<std::uint8_t>(matches, &Match::bracket),
              {std::string("index into: ") + bracket_names, "1"});
  out.attribute("/bracket", "names", std::string(bracket_names));
  out.dataset("/round", column<std::int32_t>(matches, &Match::round), {"round in the bracket, from 1", "1"});
  out.dataset("/winner", column<std::int32_t>(matches, &Match::winner), {"number of the sample that won", "1"});
  out.dataset("/prompts/index", shard.prompts, {"index of every pool of the shard", "1"});
  std::vector<std::uint8_t> outcomes;
  for (const auto outcome : shard.outcomes) outcomes.push_back(static_cast<std::uint8_t>(outcome));
  out.dataset("/prompts/outcome", outcomes,
              {std::string("what became of the pool: index into: ") + outcome_names, "1"});
  out.attribute("/prompts/outcome", "names", std::string(outcome_names));
  if (!shard.scores.empty()) write_scores(out, shard.scores);
  return out.publish(path);
}

MatchShard read_matches(const std::string& path, const std::optional<FileInfo>& expected) {
  const Hdf5Reader in(path, expected);
  check_kind(in, filetype);
  check_range(in, "/bracket", last_bracket);
  check_range(in, "/prompts/outcome", last_outcome);
  MatchShard shard;
  shard.scored = in.attribute_as<std::int64_t>("/", "scored");
  shard.prompts = in.read<std::int64_t>("/prompts/index");
  for (const auto outcome : in.read<std::uint8_t>("/prompts/outcome")) {
    shard.outcomes.push_back(static_cast<PairOutcome>(outcome));
  }
  if (shard.outcomes.size() != shard.prompts.size()) in.refuse("/prompts/index and /prompts/outcome differ in rows");
  const auto prompts = in.read<std::int64_t>("/prompt");
  shard.matches.resize(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) shard.matches[i].prompt = prompts[i];
  assign<std::int32_t>(in, "/a", shard.matches, &Match::a);
  assign<std::int32_t>(in, "/b", shard.matches, &Match::b);
  assign<double>(in, "/p_ab", shard.matches, &Match::p_ab);
  assign<double>(in, "/p_ba_swapped", shard.matches, &Match::p_ba_swapped);
  assign<std::uint8_t>(in, "/bracket", shard.matches, &Match::bracket);
  assign<std::int32_t>(in, "/round", shard.matches, &Match::round);
  assign<std::int32_t>(in, "/winner", shard.matches, &Match::winner);
  check_matches(in, shard);
  shard.scores = read_scores(in);
  return shard;
}

}  // namespace westofn::io
