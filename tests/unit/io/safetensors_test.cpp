// SPDX-License-Identifier: Apache-2.0
// Safetensors files and Hugging Face folders, read and written.
#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/safetensors_writer.h"
#include "support/expect_error.h"
#include "support/safetensors_bytes.h"
#include "support/temporary_folder.h"

namespace westofn::io {
namespace {

using testing::expect_data_error;
using testing::safetensors_bytes;
using testing::TemporaryFolder;

SafetensorsContent parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "m.safetensors");
}

/// A tensor whose bytes are counted up from `first`.
class TestTensor {
 public:
  TestTensor(std::string name, DType dtype, std::vector<std::int64_t> shape, int first) : name_(std::move(name)) {
    std::size_t size = element_size(dtype);
    for (const auto extent : shape) size *= static_cast<std::size_t>(extent);
    for (std::size_t i = 0; i < size; ++i)
      bytes_.push_back(static_cast<std::byte>(static_cast<std::size_t>(first) + i));
    dtype_ = dtype;
    shape_ = std::move(shape);
  }
  [[nodiscard]] NamedTensor named() const { return {name_, {dtype_, shape_, bytes_}}; }

 private:
  std::string name_;
  DType dtype_;
  std::vector<std::int64_t> shape_;
  std::vector<std::byte> bytes_;
};

void expect_equal(const TensorView& a, const TensorView& b) {
  EXPECT_EQ(a.dtype, b.dtype);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_TRUE(std::ranges::equal(a.bytes, b.bytes));
}

const std::vector<TestTensor> one_of_each_type = {{"a.f64", DType::f64, {2}, 0},  {"b.f32", DType::f32, {2, 3}, 10},
                                                  {"c.f16", DType::f16, {3}, 20}, {"d.bf16", DType::bf16, {1, 1}, 30},
                                                  {"e.i64", DType::i64, {}, 40},  {"f.i32", DType::i32, {0, 7}, 50},
                                                  {"g.i16", DType::i16, {3}, 60}, {"h.i8", DType::i8, {5}, 70},
                                                  {"i.u8", DType::u8, {1}, 80},   {"j.bool", DType::boolean, {3}, 0}};

std::vector<NamedTensor> named(const std::vector<TestTensor>& tensors) {
  std::vector<NamedTensor> views;
  for (const auto& tensor : tensors) views.push_back(tensor.named());
  return views;
}

TEST(Safetensors, ReadsAFileMadeByHand) {
  const auto bytes = safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[2,10]},"v":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}}   )",
      10);
  const auto content = parse(bytes);
  ASSERT_EQ(content.tensors.size(), 2);
  EXPECT_EQ(content.metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  const TensorView& w = content.tensors.find("w")->second;
  EXPECT_EQ(w.dtype, DType::f32);
  EXPECT_EQ(w.shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(w.bytes.size(), 8);
  EXPECT_EQ(std::to_integer<int>(w.bytes.front()), 2);
}

TEST(Safetensors, ReadsAFileWithoutTensors) { EXPECT_TRUE(parse(safetensors_bytes("{}", 0)).tensors.empty()); }

TEST(Safetensors, AllowsEmptyTensorsAnywhere) {
  const auto content = parse(safetensors_bytes(
      R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"e":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"f":{"dtype":"F32","shape":[4,0],"data_offsets":[2,2]}})",
      2));
  EXPECT_EQ(content.tensors.size(), 3);
}

TEST(Safetensors, WritesEveryTypeSoThatItComesBack) {
  const TemporaryFolder folder;
  const auto tensors = named(one_of_each_type);
  const FileInfo info = write_safetensors(folder / "m.safetensors", tensors, {{"format", "pt"}, {"step", "12"}});
  const SafetensorsFile file(folder / "m.safetensors");
  EXPECT_EQ(info.bytes, std::filesystem::file_size(folder / "m.safetensors"));
  EXPECT_EQ(file.metadata().at("step"), "12");
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (const NamedTensor& tensor : tensors) expect_equal(file.tensors().find(tensor.name)->second, tensor.tensor);
}

TEST(Safetensors, AlignsEveryTensorToItsElement) {
  const TemporaryFolder folder;
  write_safetensors(folder / "m.safetensors", named(one_of_each_type), {});
  const SafetensorsFile file(folder / "m.safetensors");  // the map begins at a page
  for (const auto& [name, tensor] : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % element_size(tensor.dtype), 0) << name;
  }
}

TEST(Safetensors, WritesTheSameBytesInWhateverOrderTensorsCome) {
  const TemporaryFolder folder;
  auto tensors = named(one_of_each_type);
  const Hash128 forward = write_safetensors(folder / "a", tensors, {{"b", "1"}, {"a", "2"}}).hash;
  std::ranges::reverse(tensors);
  EXPECT_EQ(write_safetensors(folder / "b", tensors, {{"a", "2"}, {"b", "1"}}).hash, forward);
}

TEST(Safetensors, WritesTheBytesOfTheReferenceLibrary) {
  const TemporaryFolder folder;
  const TestTensor a("a", DType::i8, {3}, 1);
  const TestTensor b("b", DType::f32, {1}, 10);
  const TestTensor c("c", DType::boolean, {1}, 0);
  int beats = 0;
  write_safetensors(folder / "m", named({a, b, c}), {{"format", "pt"}}, [&] { ++beats; });
  EXPECT_EQ(beats, 3) << "a sign of life for every tensor";
  // As safetensors 0.8 for Python writes these tensors.
  EXPECT_EQ(testing::read_all(folder / "m"), testing::little_endian(192) +
                                                 R"({"__metadata__":{"format":"pt"},)"
                                                 R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                                 R"("a":{"dtype":"I8","shape":[3],"data_offsets":[4,7]},)"
                                                 R"("c":{"dtype":"BOOL","shape":[1],"data_offsets":[7,8]}} )" +
                                                 std::string("\x0a\x0b\x0c\x0d\x01\x02\x03\x00", 8));
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const TemporaryFolder folder;
  auto wrong_size = named(one_of_each_type);
  wrong_size[1].tensor.shape = {7};
  EXPECT_THROW(write_safetensors(folder / "a", wrong_size, {}), InternalError);
  auto twice = named(one_of_each_type);
  twice[1].name = twice[0].name;
  EXPECT_THROW(write_safetensors(folder / "b", twice, {}), InternalError);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsModel, ReadsASingleFile) {
  const TemporaryFolder folder;
  const auto files = write_safetensors_model(folder.path().string(), named(one_of_each_type), {}, 1 << 20);
  ASSERT_EQ(files.size(), 1);
  EXPECT_EQ(files[0].name, "model.safetensors");
  const SafetensorsModel model(folder.path().string());
  EXPECT_EQ(model.tensors().size(), one_of_each_type.size());
  expect_equal(model.at("b.f32"), one_of_each_type[1].named().tensor);
  expect_data_error([&] { (void)model.at("absent"); }, "no tensor absent");
}

TEST(SafetensorsModel, ReadsTheShardsThatItWrote) {
  const TemporaryFolder folder;
  const auto tensors = named(one_of_each_type);
  const auto files = write_safetensors_model(folder.path().string(), tensors, {{"format", "pt"}}, 30);
  ASSERT_GE(files.size(), 4);
  EXPECT_EQ(files[0].name, "model-00001-of-0000" + std::to_string(files.size() - 1) + ".safetensors");
  EXPECT_EQ(files.back().name, "model.safetensors.index.json");
  const auto index = nlohmann::json::parse(testing::read_all(folder / "model.safetensors.index.json"));
  EXPECT_EQ(index["metadata"]["total_size"], 16 + 24 + 6 + 2 + 8 + 0 + 6 + 5 + 1 + 3);
  EXPECT_EQ(index["weight_map"]["a.f64"], files[0].name);

  const SafetensorsModel model(folder.path().string());
  EXPECT_EQ(model.files().size(), files.size() - 1);
  EXPECT_EQ(model.files().front().metadata().at("format"), "pt");
  ASSERT_EQ(model.tensors().size(), tensors.size());
  for (const NamedTensor& tensor : tensors) expect_equal(model.at(tensor.name), tensor.tensor);
}

TEST(SafetensorsModel, GivesATensorAboveTheLimitAShardOfItsOwn) {
  const TemporaryFolder folder;
  const auto files = write_safetensors_model(folder.path().string(), named(one_of_each_type), {}, 1);
  EXPECT_EQ(files.size(), one_of_each_type.size() + 1);  // and the index
  EXPECT_EQ(SafetensorsModel(folder.path().string()).tensors().size(), one_of_each_type.size());
}

class ShardedFolder : public ::testing::Test {
 protected:
  ShardedFolder() {
    write_safetensors(folder_ / "one", std::vector{a_.named()}, {});
    write_safetensors(folder_ / "two", std::vector{b_.named()}, {});
  }
  void expect_refused(const std::string& index, const std::string& part) {
    (void)folder_.write("model.safetensors.index.json", index);
    expect_data_error([&] { SafetensorsModel model(folder_.path().string()); }, part);
  }

  TemporaryFolder folder_;
  TestTensor a_{"a", DType::f32, {2}, 0};
  TestTensor b_{"b", DType::f32, {2}, 8};
};

TEST_F(ShardedFolder, IsReadWhenIndexAndShardsAgree) {
  (void)folder_.write("model.safetensors.index.json", R"({"weight_map":{"a":"one","b":"two"}})");
  EXPECT_EQ(SafetensorsModel(folder_.path().string()).tensors().size(), 2);
}

TEST_F(ShardedFolder, IsRefusedWhenATensorIsNotWhereTheIndexSays) {
  expect_refused(R"({"weight_map":{"a":"one","b":"two","c":"two"}})", "two: lacks tensor c");
  expect_refused(R"({"weight_map":{"a":"one"}})"
                 "x",
                 "not valid JSON");
  expect_refused(R"({"weight_map":{"b":"one"}})", "one: holds tensor a, which");
  expect_refused(R"({"weight_map":{"a":"two","b":"one"}})", "places in two");
  expect_refused(R"({"weight_map":{"a":"one","b":"three"}})", "three");
}

TEST_F(ShardedFolder, IsRefusedWhenTheIndexIsMalformed) {
  expect_refused(R"({"weight_map":{}})", "index.json: field 'weight_map': names no tensor");
  expect_refused(R"({"weights":{}})", "index.json: field 'weight_map': is missing");
  expect_refused(R"({"weight_map":{"a":"one","a":"two"}})", "stands twice");
  expect_refused(R"({"weight_map":{"a":1}})", "field 'weight_map.a': expected a string");
  for (const char* name : {"../one", "/etc/passwd", "x/one", "..", ".", "", "x\\\\one", "one\\u0000"}) {
    expect_refused(R"({"weight_map":{"a":")" + std::string(name) + "\"}}", "is not the name of a file in this folder");
  }
}

TEST(SafetensorsModel, SaysHowToConvertAPickleFolder) {
  const TemporaryFolder folder;
  (void)folder.write("pytorch_model-00001-of-00002.bin", "");
  expect_data_error([&] { SafetensorsModel model(folder.path().string()); }, "analysis/convert_hf.py");
}

TEST(SafetensorsModel, PrefersTheSingleFileAsTransformersDoes) {
  const TemporaryFolder folder;
  (void)write_safetensors_model(folder.path().string(), named(one_of_each_type), {}, 1 << 20);
  (void)folder.write("model.safetensors.index.json", R"({"weight_map":{"a":"absent"}})");
  EXPECT_EQ(SafetensorsModel(folder.path().string()).tensors().size(), one_of_each_type.size());
}

TEST(SafetensorsModel, NamesAFolderWithoutWeights) {
  const TemporaryFolder folder;
  expect_data_error([&] { SafetensorsModel model(folder.path().string()); }, "neither model.safetensors nor");
  expect_data_error([&] { SafetensorsModel model(folder / "none"); }, "none: there is no such folder");
}

}  // namespace
}  // namespace westofn::io
