// SPDX-License-Identifier: Apache-2.0
// A ring of heartbeats: every rank tells its successor that it makes progress and watches its predecessor.
//
// A rank beats at most once a second, from beat() and from its wait loops. A rank that is stopped, hangs or computes
// for longer than the deadline without beat() falls silent, and its successor (or, if that is silent too, the next
// live one) throws CommError when it waits for something.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/mpi_handle.h"

namespace westofn::comm {

class Heartbeat {
 public:
  /// Local. `ring` is used for heartbeats only; it has to outlive this object.
  Heartbeat(MpiHandle ring, double deadline_s);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Local. Names of the machines by rank, for messages.
  void set_hosts(std::vector<std::string> hosts) { hosts_ = std::move(hosts); }

  void set_deadline(double seconds) { deadline_s_ = seconds; }
  [[nodiscard]] double deadline_s() const { return deadline_s_; }

  /// Local. Beats and listens; throws CommError if the predecessor is silent past the deadline.
  void beat();

  /// Local. Polls `done` until it is true, beating and listening meanwhile. `what` is named in messages. Throws
  /// CommError if the predecessor is silent past the deadline or a wait has failed before.
  void wait(const std::function<bool()>& done, const char* what);

  /// Collective. Says goodbye round the ring, after which no heartbeat is in flight and nobody is watched.
  void close();

 private:
  struct Ring;

  void poll(double now, const char* what);
  void send(double now);
  void listen(double now);
  [[nodiscard]] bool hears_something();
  [[noreturn]] void fail(double silence_s, const char* what);

  std::unique_ptr<Ring> ring_;
  double deadline_s_;
  std::vector<std::string> hosts_;
  double last_poll_;
  double last_sent_;
  double last_heard_;
  bool goodbye_ = false;  ///< the predecessor has said goodbye
  bool closing_ = false;  ///< this rank has said goodbye
  bool closed_ = false;
  std::string broken_;  ///< why nothing may be called any more
};

}  // namespace westofn::comm
