// SPDX-License-Identifier: Apache-2.0
#include "app/run_folder.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "io/durable_file.h"
#include "io/run_lock.h"
#include "util/error.h"

namespace westofn::app {

namespace fs = std::filesystem;

void RunFolder::make() const { io::make_folder_durable(log_folder()); }

void RunFolder::write_experiment(const std::string& yaml) const {
  constexpr int attempts = 50;
  constexpr std::uint64_t cap = 16 << 20;
  std::unique_ptr<io::RunLock> lock;
  for (int attempt = 1; !lock; ++attempt) {
    try {
      lock = std::make_unique<io::RunLock>(this->lock("experiment"));
    } catch (const ConfigError&) {
      if (attempt == attempts) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  io::remove_temporaries_of(experiment());
  if (io::file_status(experiment()) && io::read_file(experiment(), cap) == yaml) return;
  io::write_durable(experiment(), yaml);
}

std::vector<std::string> RunFolder::stages() const {
  std::error_code error;
  if (!fs::is_directory(path_, error)) {
    throw DataError(path_ + ": no such run folder; give the folder that a run made (runs/NAME by default)");
  }
  std::vector<std::string> names;
  for (auto entry = fs::directory_iterator(path_, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && is_stage_name(name)) names.push_back(name);
  }
  if (error) throw IoError(path_ + ": cannot list the folder: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_stage_name(const std::string& name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string::npos || dash == 0 || name.size() - dash - 1 != 8) return false;
  return std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dash) + 1, name.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace westofn::app
