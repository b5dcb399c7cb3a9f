// SPDX-License-Identifier: Apache-2.0
#include "app/stage_files.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/stage.h"
#include "comm/agree.h"
#include "util/clock.h"
#include "util/error.h"

namespace westofn::app {
namespace {

/// Size and hash of every file, as numbers that a maximum over the ranks completes.
class FileTable {
 public:
  explicit FileTable(const std::vector<std::string>& names) : names_(names), numbers_(3 * names.size()) {}

  void set(std::size_t i, const io::FileInfo& file) {
    numbers_[3 * i] = file.bytes;
    numbers_[3 * i + 1] = file.hash.high;
    numbers_[3 * i + 2] = file.hash.low;
  }
  [[nodiscard]] io::FileInfo get(std::size_t i) const {
    return {names_[i], numbers_[3 * i], {numbers_[3 * i + 1], numbers_[3 * i + 2]}};
  }
  [[nodiscard]] bool has(std::size_t i) const { return numbers_[3 * i] > 0; }
  /// Collective.
  void complete(comm::Communicator& world) { world.all_reduce(numbers_, comm::ReduceOp::max); }

 private:
  const std::vector<std::string>& names_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace

std::vector<io::FileInfo> describe_files(StageRun& stage, const std::vector<std::string>& names) {
  comm::Communicator& world = stage.job().world;
  const auto size = static_cast<std::size_t>(world.size());
  FileTable table(names);
  for (const auto& file : stage.published()) {
    const auto place = std::lower_bound(names.begin(), names.end(), file.name);
    if (place != names.end() && *place == file.name) table.set(static_cast<std::size_t>(place - names.begin()), file);
  }
  table.complete(world);
  comm::agree(world, [&] {
    for (auto i = static_cast<std::size_t>(world.rank()); i < names.size(); i += size) {
      if (table.has(i)) continue;
      table.set(i, io::describe_file(stage.folder() + "/" + names[i], names[i], [&] { stage.beat(); }));
    }
  });
  table.complete(world);
  std::vector<io::FileInfo> files;
  for (std::size_t i = 0; i < names.size(); ++i) files.push_back(table.get(i));
  return files;
}

void wait_until_visible(comm::Communicator& world, const std::string& folder, const io::Manifest& manifest) {
  constexpr double patience_s = 90;  // NFS looks again at a folder after 60 s at the latest
  const double start = steady_seconds();
  for (const auto& file : manifest.files) {
    while (!io::file_status(folder + "/" + file.name)) {
      if (steady_seconds() - start > patience_s) {
        throw IoError(folder + "/" + file.name + ": was published, but cannot be seen from " + host_name() +
                      "; the run folder must be on a file system that all nodes share");
      }
      world.beat();
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }
}

void check_sizes(const std::string& folder, const io::Manifest& manifest) {
  for (const auto& file : manifest.files) {
    const auto status = io::file_status(folder + "/" + file.name);
    if (status && status->bytes == file.bytes) continue;
    throw DataError(folder + "/" + file.name + (status ? ": has another size than" : ": is missing, but stands in") +
                    " the manifest of its stage. Delete the folder " + folder + ": the stage will be made again");
  }
}

void verify_input(comm::Communicator& world, const StageInput& input) {
  if (world.rank() != 0 || !io::has_manifest(input.folder)) return;
  for (const auto& file : io::read_manifest(input.folder).files) {
    const std::string path = input.folder + "/" + file.name;
    if (io::describe_file(path, file.name, [&] { world.beat(); }) == file) continue;
    throw DataError(path +
                    ": its content is not what the manifest says: it was changed or damaged. Delete the folder " +
                    input.folder + " and run the same command again to make it anew");
  }
}

}  // namespace westofn::app
