// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <vector>

#include "util/philox.h"

namespace westofn::metrics {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Columns = std::vector<HistogramColumn>;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The sum of the last number of every line but the first.
std::int64_t last_counts(const std::string& text) {
  std::int64_t sum = 0;
  const auto lines = lines_of(text);
  for (std::size_t i = 1; i < lines.size(); ++i) sum += std::stoll(lines[i].substr(lines[i].find_last_of(' ') + 1));
  return sum;
}

TEST(TextHistogram, CountsAValueAsOftenAsItIsTold) {
  const std::vector<double> values = {0, 1, 2.5, 7};
  const std::vector<std::int64_t> counts = {2, 1, 3, 0};
  const std::vector<double> repeated = {0, 0, 1, 2.5, 2.5, 2.5};
  EXPECT_EQ(text_histogram(Columns{{"x", values, counts}}), text_histogram(Columns{{"x", repeated}}));
}

TEST(TextHistogram, ShowsABarAndACountForEachBin) {
  const std::vector<double> chosen = {0.5, 1.5, 1.6, 2.5, 2.6, 2.7, 2.8, 9.9};
  const std::vector<double> rejected = {0.1, 0.2, 0.3, 1.5};
  EXPECT_EQ(text_histogram(Columns{{"chosen", chosen}, {"rejected", rejected}}, 50),
            R"(            chosen              rejected
         0 |####            1  |##########      3
         1 |#######         2  |####            1
         2 |#############   4  |                0
         3 |                0  |                0
         4 |                0  |                0
         5 |                0  |                0
         6 |                0  |                0
         7 |                0  |                0
         8 |                0  |                0
         9 |####            1  |                0)");
}

TEST(TextHistogram, NeverIsWiderThanAsked) {
  RandomSequence random(Philox("test", 1, 0, "histogram"));
  std::vector<double> values(100'000);
  for (auto& value : values) value = 1e6 * (random.uniform() - 0.5);
  const Columns one = {{"one", values}};
  const Columns two = {{"one", values}, {"a name that is longer than its column is wide, by far", values}};
  const Columns three = {{"one", values}, {"two", values}, {"three", values}};
  for (const std::size_t width : {60U, 80U, 120U}) {
    for (const Columns& columns : {one, two, three}) {
      const std::string text = text_histogram(columns, width);
      EXPECT_THAT(lines_of(text), Each(SizeIs(::testing::Le(width))));
      EXPECT_LE(lines_of(text).size(), 13U);
      EXPECT_GE(lines_of(text).size(), 5U);
      EXPECT_EQ(last_counts(text), 100'000);
    }
  }
}

TEST(TextHistogram, CountsEveryValueOnceWhateverTheRange) {
  for (const double scale : {1e-300, 1e-3, 1.0, 1e38, 1e306}) {
    for (const double shift : {0.0, -3.0, 1e6}) {
      std::vector<double> values;
      for (int i = 0; i <= 50; ++i) values.push_back(scale * (i - 25) + shift);
      EXPECT_EQ(last_counts(text_histogram(Columns{{"x", values}})), 51) << scale << " " << shift;
    }
  }
}

TEST(TextHistogram, PutsProbabilitiesIntoTenths) {
  std::vector<double> values;
  for (int i = 0; i <= 1000; ++i) values.push_back(i / 1000.0);
  const auto lines = lines_of(text_histogram(Columns{{"P", values}}));
  ASSERT_EQ(lines.size(), 11U);
  EXPECT_THAT(lines[1], HasSubstr("100"));
  EXPECT_THAT(lines[10], HasSubstr("101"));  // 1 itself is in the last bin
}

TEST(TextHistogram, TellsOfWhatIsNoNumber) {
  const std::vector<double> values = {1, std::nan(""), 2, std::numeric_limits<double>::infinity()};
  EXPECT_THAT(text_histogram(Columns{{"chosen", values}}), HasSubstr("\nchosen: 2 not finite"));
  const std::vector<double> none = {std::nan("")};
  EXPECT_THAT(text_histogram(Columns{{"chosen", none}}), HasSubstr("\nchosen: 1 not finite"));
}

TEST(TextHistogram, IsOneLineForEqualValuesAndForNone) {
  const std::vector<double> equal = {0.25, 0.25, 0.25};
  EXPECT_EQ(lines_of(text_histogram(Columns{{"x", equal}})).size(), 2U);
  EXPECT_THAT(text_histogram(Columns{{"x", equal}}), HasSubstr("0.25 |#"));
  EXPECT_EQ(last_counts(text_histogram(Columns{{"x", {}}})), 0);
}

}  // namespace
}  // namespace westofn::metrics
