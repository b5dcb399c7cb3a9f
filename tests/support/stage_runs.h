// SPDX-License-Identifier: Apache-2.0
// A fixture for MPI tests of one stage: run folders that all ranks see, and what every stage promises about its bytes.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "comm/single_communicator.h"
#include "comm/typed.h"
#include "support/mpi_main.h"
#include "support/temporary_folder.h"

namespace westofn::testing {

class StageRuns : public ::testing::Test {
 protected:
  StageRuns() {
    if (world().rank() == 0) owned_ = std::make_unique<TemporaryFolder>();
    folder_ = comm::broadcast_string(world(), owned_ ? owned_->path().string() : "", 0);
  }
  /// Before rank 0 removes the folder.
  void TearDown() override { world().barrier(); }

  [[nodiscard]] virtual app::StageSpec spec() const = 0;
  /// Collective. Makes the stage.
  virtual std::optional<io::Manifest> run(app::JobContext& job, const app::RunFolder& folder) = 0;

  /// Collective over the group. The manifest of the stage in the run folder NAME.
  io::Manifest make(comm::Communicator& group, const std::string& name) { return make_part(group, name).value(); }

  /// As make(); nothing if parts of the stage are missing.
  std::optional<io::Manifest> make_part(comm::Communicator& group, const std::string& name) {
    const auto node = group.split(0, group.rank());
    const app::CommonOptions options;
    const app::StopControl stop(std::nullopt);
    app::JobContext job{group, *node, options, stop};
    const app::RunFolder folder(folder_ + "/" + name);
    folder.make();
    group.barrier();
    return run(job, folder);
  }

  [[nodiscard]] std::string stage(const std::string& name) const {
    return folder_ + "/" + name + "/" + spec().folder_name();
  }
  [[nodiscard]] std::map<std::string, std::string> contents(const std::string& name) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(stage(name))) {
      files[entry.path().filename().string()] = read_all(entry.path());
    }
    return files;
  }

  /// Collective.
  void expect_same_bytes_for_one_rank_and_for_all() {
    make(world(), "all");
    if (world().rank() == 0) {
      comm::SingleCommunicator alone;
      make(alone, "one");
      EXPECT_EQ(contents("one"), contents("all"));
    }
    world().barrier();
  }

  /// Collective. A later job makes these files anew, and the manifest.
  void expect_same_bytes_after_losing(std::vector<std::string> names) {
    make(world(), "run");
    const auto before = contents("run");
    world().barrier();
    names.emplace_back("manifest.json");
    for (const auto& name : names) {
      if (world().rank() == 0) {
        EXPECT_TRUE(std::filesystem::remove(stage("run") + "/" + name)) << name;
      }
    }
    world().barrier();
    make(world(), "run");
    EXPECT_EQ(contents("run"), before);
    world().barrier();
  }

  std::unique_ptr<TemporaryFolder> owned_;
  std::string folder_;
};

}  // namespace westofn::testing
