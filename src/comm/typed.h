// SPDX-License-Identifier: Apache-2.0
// Strings and objects over a Communicator.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/frame.h"

namespace westofn::comm {

/// Collective. The root's text on every rank.
[[nodiscard]] std::string broadcast_string(Communicator& comm, std::string text, int root);

/// Collective. On the root one text a rank, in rank order; elsewhere empty.
[[nodiscard]] std::vector<std::string> gather_strings(Communicator& comm, const std::string& text, int root);

/// Collective. One text a rank, in rank order, on every rank.
[[nodiscard]] std::vector<std::string> all_gather_strings(Communicator& comm, const std::string& text);

/// Collective. The root's object on every rank.
template <class T>
[[nodiscard]] T broadcast_object(Communicator& comm, const T& object, int root) {
  const std::string framed = broadcast_string(comm, comm.rank() == root ? pack(object) : std::string(), root);
  return unpack<T>(framed, "a broadcast object");
}

/// Collective. On the root one object a rank, in rank order; elsewhere empty.
template <class T>
[[nodiscard]] std::vector<T> gather_objects(Communicator& comm, const T& object, int root) {
  std::vector<T> objects;
  for (const auto& framed : gather_strings(comm, pack(object), root)) {
    objects.push_back(unpack<T>(framed, "a gathered object"));
  }
  return objects;
}

}  // namespace westofn::comm
