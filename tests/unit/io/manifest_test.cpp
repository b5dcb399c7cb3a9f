// SPDX-License-Identifier: Apache-2.0
#include "io/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>

#include "io/durable_file.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using ::testing::ThrowsMessage;

Manifest example() {
  Manifest manifest;
  manifest.stage = "prepare";
  manifest.key = "3fa9c1d2";
  manifest.build = "westofn 0.1.0";
  manifest.files = {{"pairs.h5", 12, hash128("some content")}, {"tokenizer/spiece.model", 0, hash128("")}};
  manifest.inputs = {{"pairs.jsonl", "00ff"}, {"world", "a \"key\""}};
  manifest.settings = "seed: 1\nname: \xC3\xA9t\xC3\xA9\n";
  manifest.counts = {{"rows in", 7}, {"dropped: empty", 9'007'199'254'740'993}, {"difference", -1}};
  return manifest;
}

/// A folder with the files of example() and its manifest.
struct StageFolder {
  TemporaryFolder folder;
  std::string path = folder.path().string();
  StageFolder() {
    std::filesystem::create_directory(folder / "tokenizer");
    std::ignore = folder.write("pairs.h5", "some content");
    std::ignore = folder.write("tokenizer/spiece.model", "");
    write_manifest(path, example());
  }
};

TEST(Manifest, RoundTrips) {
  const StageFolder stage;
  EXPECT_EQ(read_manifest(stage.path), example());
  EXPECT_EQ(parse_manifest(to_json(example()), "m"), example());
  EXPECT_EQ(parse_manifest(to_json({}), "m"), Manifest{});
  EXPECT_NO_THROW(verify_files(stage.path, read_manifest(stage.path)));
}

TEST(Manifest, ListsFilesInTheOrderOfTheirNames) {
  const TemporaryFolder folder;
  Manifest manifest = example();
  std::swap(manifest.files[0], manifest.files[1]);
  write_manifest(folder.path().string(), manifest);
  EXPECT_EQ(testing::read_all(folder / "manifest.json"), to_json(example()));
}

TEST(Manifest, MissingMeansThatTheStageIsNotComplete) {
  const TemporaryFolder folder;
  EXPECT_FALSE(has_manifest(folder.path().string()));
  EXPECT_THAT([&] { static_cast<void>(read_manifest(folder.path().string())); },
              ThrowsMessage<DataError>(AllOf(HasSubstr(folder.path().string()), HasSubstr("not complete"))));
}

TEST(Manifest, RefusesWrongFieldsWithFileAndField) {
  struct Case {
    const char* pointer;
    nlohmann::json value;  // null removes the member
    const char* message;
  };
  const std::vector<Case> cases = {
      {"/format", "westofn/other", "format"},
      {"/format", nullptr, "format"},
      {"/version", 2, "version 1"},
      {"/version", "1", "version"},
      {"/version", nullptr, "version"},
      {"/stage", nullptr, "stage"},
      {"/stage", 3, "stage"},
      {"/key", nullptr, "key"},
      {"/build", nullptr, "build"},
      {"/files", nullptr, "files"},
      {"/files", "none", "files"},
      {"/files/0/name", nullptr, "name"},
      {"/files/0/name", "../pairs.h5", "plain name"},
      {"/files/0/name", "/etc/passwd", "plain name"},
      {"/files/0/name", "a//b", "plain name"},
      {"/files/0/name", "./a", "plain name"},
      {"/files/0/name", "", "plain name"},
      {"/files/0/name", "a\nb", "plain name"},
      {"/files/0/bytes", -1, "bytes"},
      {"/files/0/bytes", 1.5, "bytes"},
      {"/files/0/bytes", 13, "checksum"},
      {"/files/0/xxh3_128", "00", "32 hexadecimal"},
      {"/files/0/xxh3_128", "", "32 hexadecimal"},
      {"/files/0/xxh3_128", "G0000000000000000000000000000000", "32 hexadecimal"},
      {"/files/0/mode", 1, "unknown member 'mode'"},
      {"/inputs", nullptr, "inputs"},
      {"/inputs/0/key", nullptr, "key"},
      {"/inputs/0/path", "x", "unknown member 'path'"},
      {"/counts", nullptr, "counts"},
      {"/counts", "x", "counts"},
      {"/counts/rows in", 7.5, "rows in"},
      {"/counts/rows in", 8, "checksum"},
      {"/settings", nullptr, "settings"},
      {"/settings", "seed: 2", "checksum"},
      {"/host", "h1", "unknown member 'host'"},
      {"/checksum", nullptr, "checksum"},
  };
  for (const auto& c : cases) {
    nlohmann::json json = nlohmann::json::parse(to_json(example()));
    const nlohmann::json::json_pointer pointer(c.pointer);
    if (c.value.is_null()) {
      json[pointer.parent_pointer()].erase(pointer.back());
    } else {
      json[pointer] = c.value;
    }
    EXPECT_THAT([&] { static_cast<void>(parse_manifest(json.dump(), "runs/m.json")); },
                ThrowsMessage<DataError>(AllOf(HasSubstr("runs/m.json"), HasSubstr(c.message), HasSubstr("folder"))))
        << c.pointer << " " << c.value;
  }
}

/// True if the text is refused, or means the same as before.
bool is_safe(const std::string& text) {
  try {
    return parse_manifest(text, "m") == example();
  } catch (const DataError&) {
    return true;
  }
}

TEST(Manifest, NoticesEveryFlippedBitAndTruncation) {
  const std::string text = to_json(example());
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(is_safe(damaged)) << "bit " << bit;
  }
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_THROW(static_cast<void>(parse_manifest(text.substr(0, size), "m")), DataError) << size;
  }
}

TEST(VerifyFiles, NamesTheFileThatIsMissingOrDiffers) {
  const auto expect_refused = [](const StageFolder& stage, const char* message) {
    EXPECT_THAT([&] { verify_files(stage.path, read_manifest(stage.path)); },
                ThrowsMessage<DataError>(
                    AllOf(HasSubstr(stage.folder / "pairs.h5"), HasSubstr(message), HasSubstr("Delete the folder"))));
  };
  const StageFolder missing;
  std::filesystem::remove(missing.folder / "pairs.h5");
  expect_refused(missing, "is not there");
  const StageFolder longer;
  std::ignore = longer.folder.write("pairs.h5", "some contents");
  expect_refused(longer, "13 bytes");
  const StageFolder changed;
  std::ignore = changed.folder.write("pairs.h5", "same content");
  expect_refused(changed, "changed or damaged");
}

TEST(FindFile, ReturnsTheEntryOrSaysWhatIsNotListed) {
  const Manifest manifest = example();
  EXPECT_EQ(find_file(manifest, "pairs.h5").bytes, 12U);
  EXPECT_THAT([&] { static_cast<void>(find_file(manifest, "other.h5")); },
              ThrowsMessage<DataError>(AllOf(HasSubstr("other.h5"), HasSubstr("prepare"))));
}

TEST(WriteManifest, RefusesNamesOutsideOfTheFolder) {
  const TemporaryFolder folder;
  for (const char* name : {"../a", "/a", "manifest.json", "pairs.h5"}) {
    Manifest manifest = example();
    manifest.files[1].name = name;  // the last case is a second pairs.h5
    EXPECT_THROW(write_manifest(folder.path().string(), manifest), InternalError) << name;
  }
  EXPECT_FALSE(has_manifest(folder.path().string()));
}

}  // namespace
}  // namespace westofn::io
