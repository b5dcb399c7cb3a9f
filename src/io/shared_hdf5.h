// SPDX-License-Identifier: Apache-2.0
// One HDF5 file by all ranks: each gives the rows that it has, which follow one another in the order of the ranks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.h"
#include "io/file.h"
#include "io/hdf5.h"

namespace westofn::io {

/// How the values of the ranks get into the file.
enum class SharedWriting {
  together,  ///< parallel HDF5: collective calls of at most 1 GiB a rank
  gathered,  ///< rank 0 receives the part of one rank after the other and writes it
};

/// Local, the same on all ranks. Together if there are several ranks and HDF5 and their communicator can do it.
[[nodiscard]] SharedWriting best_writing(const comm::Communicator& comm);

/// The rows of a text as they stand in the file.
struct TextColumn {
  std::string bytes;
  std::vector<std::int64_t> ends;  ///< of each row in `bytes`

  void add(std::string_view row) {
    bytes += row;
    ends.push_back(static_cast<std::int64_t>(bytes.size()));
  }
};

/// Builds a file that is too large for one rank. Every function is collective and throws IoError on all ranks if one
/// of them fails. Datasets are contiguous, of exact extent and without filters. A rank holds its part of a dataset in
/// memory, and rank 0 that of another rank besides where parts are gathered.
/// In the mode `together` the calls of HDF5 communicate: one that failed on a single rank would leave the others in it
/// until BlockingGuard ends them with the code of communication.
/// Fault points: shared_hdf5.open, shared_hdf5.write, shared_hdf5.close, then those of DurableFile.
class SharedHdf5Writer {
 public:
  /// Begins with what rank 0 puts into `small`; the file appears at `path` with publish(), as DurableFile's do.
  SharedHdf5Writer(comm::Communicator& comm, const std::string& path, SharedWriting writing,
                   const std::function<void(Hdf5Writer&)>& small);
  /// Local. Without publish() rank 0 removes the temporary file.
  ~SharedHdf5Writer();
  SharedHdf5Writer(const SharedHdf5Writer&) = delete;
  SharedHdf5Writer& operator=(const SharedHdf5Writer&) = delete;

  /// Adds a one-dimensional dataset of the values of all ranks.
  template <std::ranges::contiguous_range Values>
  requires Element<std::ranges::range_value_t<Values>>
  void column(const std::string& path, const Values& mine, const FieldNote& note) {
    write({path, element_type<std::ranges::range_value_t<Values>>(), note}, std::as_bytes(std::span(mine)));
  }

  /// The rows of the ranks before this one, of which each has `mine`.
  [[nodiscard]] std::uint64_t rows_before(std::uint64_t mine) { return share(mine).first; }

  /// Adds a dataset of one more row: 0, then where each row of this rank and the others ends in rows of something
  /// else. `ends` counts from this rank's first, of which it has `count`.
  void offsets(const std::string& path, std::span<const std::int64_t> ends, std::uint64_t count, const FieldNote& note);

  /// Adds a text: the rows of all ranks.
  void text(const std::string& path, const TextColumn& mine, const FieldNote& note);

  /// Publishes the file. Called once, last.
  void publish();

 private:
  struct File;
  struct Column {
    std::string path;
    ElementType type;
    FieldNote note;
  };
  /// Where the elements of the ranks stand in a dataset.
  struct Extent {
    std::vector<std::uint64_t> counts;  ///< of every rank
    std::uint64_t first = 0;            ///< of this rank
    std::uint64_t total = 0;
  };
  /// A fault point before a call of HDF5 that all ranks must make: the rank that fails here must not be missed in it.
  void pass_together(std::string_view point);
  [[nodiscard]] Extent share(std::uint64_t mine);
  void write(const Column& column, std::span<const std::byte> mine);
  void write_together(const Extent& extent, std::span<const std::byte> mine, std::size_t width);
  void write_gathered(const Extent& extent, std::span<const std::byte> mine, std::size_t width);

  comm::Communicator& comm_;
  std::string path_;
  std::string temporary_;
  SharedWriting writing_;
  std::unique_ptr<File> file_;
};

}  // namespace westofn::io
