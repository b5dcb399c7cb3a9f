// SPDX-License-Identifier: Apache-2.0
// One file by all ranks holds what one rank alone would write, however the values get there.
#include "io/shared_hdf5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "comm/typed.h"
#include "io/durable_file.h"
#include "io/hdf5_version.h"
#include "support/mpi_main.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::ElementsAreArray;

/// A folder of rank 0 that all ranks know.
class SharedHdf5 : public ::testing::TestWithParam<const char*> {
 protected:
  SharedHdf5() : path_(comm::broadcast_string(world_, folder_ / "all.h5", 0)) {}

  [[nodiscard]] SharedWriting way() const {
    return std::string_view(GetParam()) == "gathered" ? SharedWriting::gathered : best_writing(world_);
  }

  [[nodiscard]] SharedHdf5Writer open() {
    return {world_, path_, way(), [](Hdf5Writer& small) {
              small.attribute("/", "filetype", "test");
              small.dataset("/small", std::vector<double>{1, 2}, {"of rank 0", "1"});
            }};
  }

  /// Rank r has r * 3 values, and rank 0 therefore none.
  [[nodiscard]] std::vector<std::int64_t> values_of(int rank) const {
    std::vector<std::int64_t> values(static_cast<std::size_t>(rank) * 3);
    std::iota(values.begin(), values.end(), rank * 100);
    return values;
  }

  comm::Communicator& world_ = testing::world();
  testing::TemporaryFolder folder_;
  std::string path_;
};

TEST_P(SharedHdf5, HoldsTheRowsOfAllRanksInTheirOrder) {
  SharedHdf5Writer out = open();
  out.column("/group/values", values_of(world_.rank()), {"values", "m"});
  out.column("/empty", std::vector<float>(), {"nobody has any", "1"});
  TextColumn text;
  for (int i = 0; i < world_.rank() + 1; ++i) text.add(std::string(static_cast<std::size_t>(i), 'x') + "é");
  out.text("/group/text", text, {"texts", "text"});
  out.publish();
  if (world_.rank() != 0) return;

  std::vector<std::int64_t> values;
  std::vector<std::string> texts;
  for (int r = 0; r < world_.size(); ++r) {
    const auto part = values_of(r);
    values.insert(values.end(), part.begin(), part.end());
    for (int i = 0; i < r + 1; ++i) texts.push_back(std::string(static_cast<std::size_t>(i), 'x') + "é");
  }
  const Hdf5Reader file(path_);
  EXPECT_THAT(file.read<std::int64_t>("/group/values"), ElementsAreArray(values));
  EXPECT_THAT(file.text("/group/text"), ElementsAreArray(texts));
  EXPECT_TRUE(file.read<float>("/empty").empty());
  EXPECT_THAT(file.read<double>("/small"), ElementsAreArray({1.0, 2.0}));
  EXPECT_EQ(file.attribute_as<std::string>("/", "filetype"), "test");
  for (const auto& dataset : file.list()) EXPECT_FALSE(dataset.note.description.empty()) << dataset.path;
  EXPECT_EQ(remove_temporaries(folder_.path()), 0);
}

TEST_P(SharedHdf5, AChangedByteIsFound) {
  SharedHdf5Writer out = open();
  out.column("/values", values_of(world_.rank() + 1), {"values", "1"});
  out.publish();
  if (world_.rank() != 0) return;
  std::string bytes = testing::read_all(path_);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  testing::write_all(path_, bytes);
  EXPECT_THROW(Hdf5Reader{path_}, DataError);
}

TEST_P(SharedHdf5, AnErrorOfRankZeroIsOneOfAllAndLeavesTheOldFile) {
  if (world_.rank() == 0) testing::write_all(path_, "old");
  const auto broken = [](Hdf5Writer&) { throw DataError("broken"); };
  EXPECT_THROW(SharedHdf5Writer(world_, path_, way(), broken), Error);
  world_.barrier();
  if (world_.rank() == 0) {
    EXPECT_EQ(testing::read_all(path_), "old");
  }
}

TEST_P(SharedHdf5, WithoutPublishingTheOldFileStays) {
  if (world_.rank() == 0) testing::write_all(path_, "old");
  world_.barrier();
  {
    SharedHdf5Writer out = open();
    out.column("/values", values_of(world_.rank()), {"values", "1"});
  }
  if (world_.rank() != 0) return;
  EXPECT_EQ(testing::read_all(path_), "old");
  EXPECT_EQ(remove_temporaries(folder_.path()), 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, SharedHdf5, ::testing::Values("gathered", "best"),
                         [](const auto& way) { return std::string(way.param); });

TEST(BestWriting, IsParallelWhereHdf5IsAndThereAreSeveralRanks) {
  const bool parallel = hdf5_version().parallel == ParallelHdf5::yes && testing::world().size() > 1;
  EXPECT_EQ(best_writing(testing::world()) == SharedWriting::together, parallel);
}

}  // namespace
}  // namespace westofn::io
