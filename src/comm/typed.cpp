// SPDX-License-Identifier: Apache-2.0
#include "comm/typed.h"

#include <array>
#include <cstdint>

namespace westofn::comm {
namespace {

std::vector<std::string> split_by_rank(const Gathered<char>& gathered) {
  std::vector<std::string> texts;
  auto begin = gathered.values.begin();
  for (const auto count : gathered.counts) {
    const auto end = begin + static_cast<std::ptrdiff_t>(count);
    texts.emplace_back(begin, end);
    begin = end;
  }
  return texts;
}

}  // namespace

std::string broadcast_string(Communicator& comm, std::string text, int root) {
  std::array<std::uint64_t, 1> length{text.size()};
  comm.broadcast(length, root);
  text.resize(length[0]);
  comm.broadcast(text, root);
  return text;
}

std::vector<std::string> gather_strings(Communicator& comm, const std::string& text, int root) {
  return split_by_rank(comm.gather_variable(text, root));
}

std::vector<std::string> all_gather_strings(Communicator& comm, const std::string& text) {
  return split_by_rank(comm.all_gather_variable(text));
}

}  // namespace westofn::comm
