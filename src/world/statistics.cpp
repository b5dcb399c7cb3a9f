// SPDX-License-Identifier: Apache-2.0
#include "world/statistics.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <utility>
#include <vector>

#include "util/error.h"
#include "world/gold.h"

namespace westofn::world {
namespace {

/// Sums of a sample.
class Moments {
 public:
  void add(double value) {
    ++count_;
    const double before = value - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (value - mean_);
  }
  [[nodiscard]] MeanAndDeviation value() const {
    return {mean_, count_ > 1 ? std::sqrt(squares_ / static_cast<double>(count_ - 1)) : 0};
  }

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

/// 1 if a > b, 1/2 if they are equal, else 0.
template <class T>
double share_of_win(T a, T b) {
  return a > b ? 1 : a == b ? 0.5 : 0;
}

/// One response of each skill to each of the posts of the demonstrations.
std::array<MeanAndDeviation, 3> measure_skills(const ToyWorldSettings& settings, std::int64_t items) {
  std::array<Moments, 3> gold_of;
  for (std::int64_t i = 0; i < items; ++i) {
    RandomSequence random(Philox("toy-statistics", settings.seed, 0, std::to_string(i)));
    const ToyPost post = make_post(random);
    for (std::size_t s = 0; s < toy_skills.size(); ++s) {
      gold_of[s].add(gold(post.facts, demonstrate(random, post, toy_skills[s])));
    }
  }
  return {gold_of[0].value(), gold_of[1].value(), gold_of[2].value()};
}

void measure_lengths(const ToyWorldSettings& settings, ToyWorldStatistics& statistics) {
  Moments posts;
  Moments responses;
  for (std::int64_t i = 0; i < statistics.items; ++i) {
    const Demonstration row = make_demonstration(settings, i);
    const std::size_t post = split_words(row.prompt).size();
    const std::size_t response = split_words(row.response).size();
    posts.add(static_cast<double>(post));
    responses.add(static_cast<double>(response));
    statistics.longest_post = std::max(statistics.longest_post, post);
    statistics.longest_response = std::max(statistics.longest_response, response);
  }
  statistics.post_words = posts.value();
  statistics.response_words = responses.value();
}

void measure_labels(const ToyWorldSettings& settings, ToyWorldStatistics& statistics) {
  std::vector<std::pair<double, double>> labels;  // confidence, agreement with gold
  Moments agreement;
  Moments longer;
  for (std::int64_t i = 0; i < statistics.items; ++i) {
    const HumanPair row = make_pair(settings, ToyPart::test, i);
    const std::vector<ToyFact> facts = parse_post(row.prompt);
    labels.emplace_back(row.confidence,
                        share_of_win(gold_hundredths(facts, row.chosen), gold_hundredths(facts, row.rejected)));
    agreement.add(labels.back().second);
    longer.add(share_of_win(split_words(row.chosen).size(), split_words(row.rejected).size()));
  }
  std::sort(labels.begin(), labels.end());
  Moments confident;
  for (std::size_t i = (labels.size() + 1) / 2; i < labels.size(); ++i) confident.add(labels[i].second);
  statistics.label_agreement = agreement.value().mean;
  statistics.confident_agreement = confident.value().mean;
  statistics.longer_preferred = longer.value().mean;
}

/// "mean (sd)".
void print(std::ostream& out, const MeanAndDeviation& value) { out << value.mean << " (" << value.deviation << ")"; }

}  // namespace

ToyWorldStatistics measure_toy_world(const ToyWorldSettings& settings, std::int64_t items) {
  WESTOFN_CHECK(items >= 2, "statistics of fewer than 2 items");
  ToyWorldStatistics statistics;
  statistics.items = items;
  statistics.skill_gold = measure_skills(settings, items);
  measure_lengths(settings, statistics);
  measure_labels(settings, statistics);
  return statistics;
}

std::string describe_toy_world(const ToyWorldSettings& settings, const ToyWorldStatistics& statistics) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << "toy world, seed " << settings.seed << "\n";
  for (const ToyPart part : toy_parts) {
    if (part_size(settings, part) == 0) continue;
    out << "  " << std::left << std::setw(26) << part_file(part) << std::right << std::setw(8)
        << part_size(settings, part) << " rows\n";
  }
  out << "measured on " << statistics.items << " items of each kind\n  gold reward, mean (sd)   ";
  for (std::size_t s = 0; s < toy_skills.size(); ++s) {
    out << (s > 0 ? ", " : " ") << skill_name(toy_skills[s]) << " ";
    print(out, statistics.skill_gold[s]);
  }
  out << std::setprecision(1) << "\n  words of a post           " << statistics.post_words.mean << ", at most "
      << statistics.longest_post << "\n  words of a response       " << statistics.response_words.mean << ", at most "
      << statistics.longest_response << "\n  labels agree with gold    " << 100 * statistics.label_agreement
      << " %, in the confident half " << 100 * statistics.confident_agreement << " %\n  longer response chosen    "
      << 100 * statistics.longer_preferred << " %\n";
  return out.str();
}

}  // namespace westofn::world
