// SPDX-License-Identifier: Apache-2.0
// HDF5 files that our writer cannot make: each is refused before it can take memory, follow a path or run a decoder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <functional>
#include <tuple>

#include "io/hdf5.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using ::testing::ThrowsMessage;

/// A dataset of int64 to be made with a property list and perhaps written.
struct Crafted {
  std::vector<hsize_t> shape = {4};
  std::function<void(hid_t properties)> set = [](hid_t) {};
  bool is_written = true;
  hid_t type = H5T_STD_I64LE;
};

void make_dataset(hid_t file, const char* name, const Crafted& crafted) {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  crafted.set(properties);
  const hid_t space = H5Screate_simple(static_cast<int>(crafted.shape.size()), crafted.shape.data(), nullptr);
  const hid_t dataset = H5Dcreate2(file, name, crafted.type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  ASSERT_GE(dataset, 0);
  if (crafted.is_written) {
    std::vector<std::int64_t> values(1000, 7);
    ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  }
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(properties);
}

/// Makes a file by `fill` and expects that reading /x says `message`.
void expect_refused(const std::function<void(hid_t file, const TemporaryFolder&)>& fill, const char* message) {
  const TemporaryFolder folder;
  const hid_t file = H5Fcreate((folder / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  fill(file, folder);
  ASSERT_GE(H5Fclose(file), 0);
  EXPECT_THAT([&] { std::ignore = Hdf5Reader(folder / "a.h5").read<std::int64_t>("/x"); },
              ThrowsMessage<DataError>(AllOf(HasSubstr("a.h5: "), HasSubstr(message))));
}

void expect_refused(const Crafted& crafted, const char* message) {
  expect_refused([&](hid_t file, const TemporaryFolder&) { make_dataset(file, "x", crafted); }, message);
}

std::function<void(hid_t)> chunks(std::vector<hsize_t> shape) {
  return [shape](hid_t p) { H5Pset_chunk(p, static_cast<int>(shape.size()), shape.data()); };
}

TEST(CraftedHdf5, OrdinaryFilesOfOthersAreRead) {
  const TemporaryFolder folder;
  const hid_t file = H5Fcreate((folder / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  make_dataset(file, "contiguous", {});
  make_dataset(file, "chunked", {{5}, chunks({2})});
  make_dataset(file, "compact", {{4}, [](hid_t p) { H5Pset_layout(p, H5D_COMPACT); }});
  H5Fclose(file);
  const Hdf5Reader in(folder / "a.h5");
  for (const auto& dataset : in.list()) {
    EXPECT_EQ(in.read<std::int64_t>(dataset.path), std::vector<std::int64_t>(dataset.shape[0], 7)) << dataset.path;
    EXPECT_EQ(dataset.note.units, "");
  }
}

TEST(CraftedHdf5, ExtentsWithoutDataAreRefused) {
  const hsize_t huge = hsize_t{1} << 40;
  expect_refused({{huge}, [](hid_t) {}, false}, "claims 8.0 TiB");
  expect_refused({{huge}, chunks({1024}), false}, "claims 8.0 TiB");
  expect_refused({{huge, huge, huge}, chunks({1, 1, 1}), false}, "claims 16384.0 PiB");
  expect_refused({{1000}, [](hid_t) {}, false}, "claims 7.8 KiB, of which 0 B");
}

TEST(CraftedHdf5, MissingChunksAreRefused) {
  expect_refused(
      [](hid_t file, const TemporaryFolder&) {
        const hsize_t one = 10;
        const hsize_t more = 40;
        const hsize_t unlimited = H5S_UNLIMITED;
        const hid_t space = H5Screate_simple(1, &one, &unlimited);
        const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
        chunks({10})(properties);
        const hid_t dataset = H5Dcreate2(file, "x", H5T_STD_I64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
        const std::vector<std::int64_t> values(10, 7);
        H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
        H5Dset_extent(dataset, &more);
        H5Dclose(dataset);
        H5Pclose(properties);
        H5Sclose(space);
      },
      "has 1 of its 4 chunks");
}

TEST(CraftedHdf5, HugeChunksAreRefused) {
  expect_refused(
      [](hid_t file, const TemporaryFolder&) {
        const std::vector<hsize_t> large = {hsize_t{9} << 20};
        make_dataset(file, "x",
                     {large,
                      [&](hid_t p) {
                        chunks(large)(p);
                        H5Pset_deflate(p, 1);
                        H5Pset_alloc_time(p, H5D_ALLOC_TIME_EARLY);
                      },
                      false});
      },
      "chunks above 64.0 MiB");
}

TEST(CraftedHdf5, OtherFiltersAreRefused) {
  expect_refused({{4},
                  [](hid_t p) {
                    chunks({4})(p);
                    H5Pset_nbit(p);
                  }},
                 "uses a filter");
  expect_refused({{4},
                  [](hid_t p) {
                    chunks({4})(p);
                    H5Pset_scaleoffset(p, H5Z_SO_INT, 0);
                  }},
                 "uses a filter");
}

TEST(CraftedHdf5, DataInOtherFilesIsNotRead) {
  expect_refused(
      [](hid_t file, const TemporaryFolder& folder) {
        const std::string outside = folder.write("outside", std::string(32, 's'));
        make_dataset(file, "x", {{4}, [&](hid_t p) { H5Pset_external(p, outside.c_str(), 0, 32); }, false});
      },
      "keeps its data elsewhere");
  expect_refused(
      [](hid_t file, const TemporaryFolder& folder) {
        const std::string outside = folder / "outside.h5";
        const hid_t other = H5Fcreate(outside.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        make_dataset(other, "y", {});
        H5Fclose(other);
        H5Lcreate_external(outside.c_str(), "/y", file, "x", H5P_DEFAULT, H5P_DEFAULT);
      },
      "/x is a link");
  expect_refused(
      [](hid_t file, const TemporaryFolder& folder) {
        const hsize_t size = 4;
        const hid_t space = H5Screate_simple(1, &size, nullptr);
        const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_virtual(properties, space, (folder / "outside.h5").c_str(), "/y", space);
        H5Dclose(H5Dcreate2(file, "x", H5T_STD_I64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
        H5Pclose(properties);
        H5Sclose(space);
      },
      "/x");
}

TEST(CraftedHdf5, SoftLinksAreNotFollowed) {
  expect_refused(
      [](hid_t file, const TemporaryFolder&) {
        make_dataset(file, "y", {});
        H5Lcreate_soft("/y", file, "x", H5P_DEFAULT, H5P_DEFAULT);
      },
      "/x is a link");
}

TEST(CraftedHdf5, OtherTypesAreRefused) {
  expect_refused({{4}, [](hid_t) {}, true, H5T_STD_I64BE}, "/x is of another type, expected int64");
  expect_refused({{4}, [](hid_t) {}, true, H5T_STD_U16LE}, "/x is of another type, expected int64");
}

TEST(CraftedHdf5, AttributesOfOtherKindsAreRefused) {
  const TemporaryFolder folder;
  const hid_t file = H5Fcreate((folder / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, H5T_VARIABLE);
  const hid_t scalar = H5Screate(H5S_SCALAR);
  const hid_t null = H5Screate(H5S_NULL);
  const char* value = "a text";
  const hid_t variable = H5Acreate2(file, "variable", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(variable, text, static_cast<const void*>(&value));
  H5Aclose(variable);
  H5Aclose(H5Acreate2(file, "short", H5T_STD_I16LE, scalar, H5P_DEFAULT, H5P_DEFAULT));
  H5Aclose(H5Acreate2(file, "null", H5T_STD_I64LE, null, H5P_DEFAULT, H5P_DEFAULT));
  for (const hid_t space : {scalar, null}) H5Sclose(space);
  H5Tclose(text);
  H5Fclose(file);

  const Hdf5Reader in(folder / "a.h5");
  EXPECT_THAT([&] { std::ignore = in.attribute("/", "variable"); },
              ThrowsMessage<DataError>(HasSubstr("variable length")));
  EXPECT_THAT([&] { std::ignore = in.attribute("/", "short"); }, ThrowsMessage<DataError>(HasSubstr("'short' is not")));
  EXPECT_EQ(in.attribute_as<std::vector<std::int64_t>>("/", "null").size(), 0U);
}

}  // namespace
}  // namespace westofn::io
