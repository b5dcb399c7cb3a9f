// SPDX-License-Identifier: Apache-2.0
#include "io/pool_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "io/hdf5.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace westofn::io {
namespace {

using ::testing::ElementsAre;
using testing::expect_data_error;
using testing::TemporaryFolder;

std::vector<Pool> example_pools(PromptSet set) {
  const Sample first{0, {5, 6, 1}, "r\xC3\xA9sum\xC3\xA9\n", -1.25, true};
  const Sample second{1, {7}, "", -0.1, false};
  return {
      {40, {"a", "g", "a prompt", set, "p.jsonl", 7}, {first, second}},
      {41, {"7", "", "", set, "p.jsonl", 4'000'000'000}, {{0, {1}, "", -2e-300, true}, {1, {2, 3}, "xy", -9, false}}}};
}

void expect_equal(const Pool& found, const Pool& expected) {
  EXPECT_EQ(found.index, expected.index);
  EXPECT_EQ(found.prompt.id, expected.prompt.id);
  EXPECT_EQ(found.prompt.group, expected.prompt.group);
  EXPECT_EQ(found.prompt.text, expected.prompt.text);
  EXPECT_EQ(found.prompt.set, expected.prompt.set);
  EXPECT_EQ(found.prompt.source, expected.prompt.source);
  EXPECT_EQ(found.prompt.line, expected.prompt.line);
  ASSERT_EQ(found.samples.size(), expected.samples.size());
  for (std::size_t k = 0; k < found.samples.size(); ++k) {
    EXPECT_EQ(found.samples[k].number, expected.samples[k].number);
    EXPECT_EQ(found.samples[k].tokens, expected.samples[k].tokens);
    EXPECT_EQ(found.samples[k].response, expected.samples[k].response);
    EXPECT_EQ(found.samples[k].log_likelihood, expected.samples[k].log_likelihood);
    EXPECT_EQ(found.samples[k].finished, expected.samples[k].finished);
  }
}

TEST(PoolFile, RoundTripsEveryFieldInEverySet) {
  const TemporaryFolder folder;
  for (const PromptSet set : {PromptSet::unlabelled, PromptSet::validation, PromptSet::test}) {
    const auto pools = example_pools(set);
    const std::string path = folder / (std::string(prompt_set_name(set)) + ".h5");
    const FileInfo info = write_pool(path, pools);
    const auto read = read_pool(path, info);
    ASSERT_EQ(read.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) expect_equal(read[i], pools[i]);
  }
}

TEST(PoolFile, TellsEveryDatasetsMeaningAndUnits) {
  const TemporaryFolder folder;
  write_pool(folder / "p.h5", example_pools(PromptSet::test));
  const Hdf5Reader reader(folder / "p.h5");
  EXPECT_EQ(reader.attribute_as<std::int64_t>("/", "n"), 2);
  EXPECT_EQ(reader.attribute_as<std::string>("/", "set"), "test");
  for (const auto& dataset : reader.list()) {
    if (dataset.path == "/samples/log_likelihood") {
      EXPECT_THAT(dataset.shape, ElementsAre(2U, 2U));
      EXPECT_EQ(dataset.note.units, "nats");
    }
    EXPECT_FALSE(dataset.note.description.empty()) << dataset.path;
    EXPECT_FALSE(dataset.note.units.empty()) << dataset.path;
  }
}

TEST(PoolFile, ReadsTheFilesOfASetInTheOrderOfTheirPrompts) {
  const TemporaryFolder folder;
  EXPECT_EQ(pool_file_name(PromptSet::unlabelled, 2, 17), "unlabelled-00002-00017.h5");
  Manifest manifest{"pools", "key", "build", {}, {}, "", {}};
  std::int64_t index = 0;
  for (const auto& [file, shard] : {std::pair{0, 0}, {0, 1}, {0, 10}, {2, 0}}) {
    auto pools = example_pools(PromptSet::test);
    for (auto& pool : pools) pool.index = index++;
    const std::string name = pool_file_name(PromptSet::test, file, shard);
    manifest.files.push_back(write_pool(folder / name, pools));
    manifest.files.back().name = name;
  }
  auto others = example_pools(PromptSet::validation);
  const std::string name = pool_file_name(PromptSet::validation, 0, 0);
  manifest.files.push_back(write_pool(folder / name, others));
  manifest.files.back().name = name;
  write_manifest(folder.path().string(), manifest);
  const auto pools = read_pools(folder.path().string(), PromptSet::test);
  ASSERT_EQ(pools.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(pools[i].index, static_cast<std::int64_t>(i));
  EXPECT_EQ(read_pools(folder.path().string(), PromptSet::validation).size(), 2U);
  EXPECT_TRUE(read_pools(folder.path().string(), PromptSet::unlabelled).empty());
}

/// What a file may have wrong.
struct Broken {
  std::string filetype = "westofn/pool";
  std::vector<std::int64_t> version = {1, 3};
  std::string set = "test";
  std::int64_t n = 2;
  std::vector<std::int64_t> offsets = {0, 1, 3};
  std::vector<double> likelihoods = {-1, -2};
  std::vector<std::int64_t> lines = {1};
};

void write_broken(const std::string& path, const Broken& b) {
  const FieldNote note{"x", "1"};
  const std::vector<std::string> one = {"x"}, two = {"x", "y"};
  Hdf5Writer out;
  out.attribute("/", "filetype", b.filetype);
  out.attribute("/", "version", b.version);
  out.attribute("/", "set", b.set);
  out.attribute("/", "n", b.n);
  out.dataset("/index", std::vector<std::int64_t>{0}, note);
  for (const char* text : {"/id", "/group", "/prompt", "/source"}) out.text(text, one, note);
  out.dataset("/line", b.lines, note);
  out.dataset("/samples/number", std::vector<std::int32_t>{0, 1}, note);
  out.text("/samples/response", two, note);
  out.dataset("/samples/log_likelihood", b.likelihoods, note);
  out.dataset("/samples/finished", std::vector<std::uint8_t>{1, 0}, note);
  out.dataset("/samples/tokens/values", std::vector<std::int32_t>{4, 5, 6}, note);
  out.dataset("/samples/tokens/offsets", b.offsets, note);
  out.publish(path);
}

TEST(PoolFile, ReadsALaterMinorVersion) {
  const TemporaryFolder folder;
  write_broken(folder / "p.h5", {});
  const auto pools = read_pool(folder / "p.h5");
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_THAT(pools[0].samples.at(1).tokens, ElementsAre(5, 6));
}

TEST(PoolFile, RefusesWhatCannotBeAPoolFile) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::function<void(Broken&)>& change, const std::string& part) {
    Broken broken;
    change(broken);
    write_broken(folder / "p.h5", broken);
    expect_data_error([&] { (void)read_pool(folder / "p.h5"); }, part);
    expect_data_error([&] { (void)read_pool(folder / "p.h5"); }, "p.h5");
  };
  refused([](Broken& b) { b.filetype = "westofn/pairs"; }, "westofn/pairs");
  refused([](Broken& b) { b.version = {2, 0}; }, "version");
  refused([](Broken& b) { b.set = "judge"; }, "judge");
  refused([](Broken& b) { b.n = 0; }, "positive");
  refused([](Broken& b) { b.n = 3; }, "n = 3");
  refused([](Broken& b) { b.n = std::int64_t{1} << 62; }, "/samples/number");
  refused([](Broken& b) { b.lines = {1, 2}; }, "/line");
  refused([](Broken& b) { b.likelihoods = {1}; }, "/samples/log_likelihood");
  refused([](Broken& b) { b.offsets = {0, 3}; }, "/samples/tokens/offsets");
  refused([](Broken& b) { b.offsets = {1, 1, 3}; }, "begin at 0");
  refused([](Broken& b) { b.offsets = {0, 4, 3}; }, "goes back");
  refused([](Broken& b) { b.offsets = {0, 1, 4}; }, "ends at 4");
  refused([](Broken& b) { b.offsets = {0, 1, 2}; }, "ends at 2");
}

TEST(PoolFile, RefusesADamagedFile) {
  const TemporaryFolder folder;
  const FileInfo info = write_pool(folder / "p.h5", example_pools(PromptSet::test));
  std::string bytes = testing::read_all(folder / "p.h5");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  folder.write("p.h5", bytes);
  expect_data_error([&] { (void)read_pool(folder / "p.h5"); }, "p.h5");
  expect_data_error([&] { (void)read_pool(folder / "p.h5", info); }, "p.h5");
}

}  // namespace
}  // namespace westofn::io
