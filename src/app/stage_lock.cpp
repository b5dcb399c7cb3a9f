// SPDX-License-Identifier: Apache-2.0
#include "app/stage_lock.h"

#include <chrono>

#include "util/error.h"

namespace westofn::app {

StageLock::StageLock(const std::string& path)
    : lock_(path), keeper_([this](const std::stop_token& stop) { keep(stop); }) {}

void StageLock::check() const {
  if (lost_) throw IoError(reason_);
}

void StageLock::keep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      lock_.touch();  // does something only every 30 s
    } catch (const Error& error) {
      reason_ = error.what();
      lost_ = true;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace westofn::app
