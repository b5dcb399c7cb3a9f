// SPDX-License-Identifier: Apache-2.0
#include "comm/heartbeat.h"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "util/clock.h"

namespace westofn::comm {
namespace {

constexpr char beat_byte = 'b';
constexpr char goodbye_byte = 'g';
constexpr double spin_s = 1e-3;        // short waits should not pay for a sleep
constexpr double min_pause_s = 50e-6;  // then politeness: ranks may share a core
constexpr double max_pause_s = 500e-6;
constexpr double waiting_poll_s = 0.1;    // how often a waiting rank looks after heartbeats
constexpr double computing_poll_s = 0.5;  // how often beat() does more than look at the clock
constexpr double last_look_s = 0.25;      // how long a rank is listened to once more before it is given up

void pause(double waited_s) {
  if (waited_s < spin_s) {
    sched_yield();
  } else {
    std::this_thread::sleep_for(std::chrono::duration<double>(std::clamp(waited_s / 20, min_pause_s, max_pause_s)));
  }
}

bool completed(MPI_Request& request) {
  int flag = 0;
  check_mpi(MPI_Test(&request, &flag, MPI_STATUS_IGNORE), "MPI_Test (heartbeat)");
  return flag != 0;
}

}  // namespace

struct Heartbeat::Ring {
  explicit Ring(MpiHandle handle) : comm(MPI_Comm_f2c(static_cast<int>(handle))) {
    int rank = 0;
    check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm, &size), "MPI_Comm_size");
    next = (rank + 1) % size;
    previous = (rank + size - 1) % size;
  }
  void start_send(char message) {
    out = message;
    check_mpi(MPI_Isend(&out, 1, MPI_CHAR, next, 0, comm, &sending), "MPI_Isend (heartbeat)");
  }
  void start_receive() {
    check_mpi(MPI_Irecv(&in, 1, MPI_CHAR, previous, 0, comm, &receiving), "MPI_Irecv (heartbeat)");
  }

  MPI_Comm comm;
  int size = 1;
  int next = 0;
  int previous = 0;
  char out = beat_byte;
  char in = beat_byte;
  MPI_Request sending = MPI_REQUEST_NULL;
  MPI_Request receiving = MPI_REQUEST_NULL;
};

Heartbeat::Heartbeat(MpiHandle ring, double deadline_s)
    : ring_(std::make_unique<Ring>(ring)),
      deadline_s_(deadline_s),
      last_poll_(steady_seconds()),
      last_sent_(last_poll_),
      last_heard_(last_poll_) {
  if (ring_->size == 1) {
    closed_ = true;
  } else {
    ring_->start_receive();
  }
}

Heartbeat::~Heartbeat() = default;

void Heartbeat::beat() {
  const double now = steady_seconds();
  if (now - last_poll_ >= computing_poll_s) poll(now, "computing");
}

void Heartbeat::wait(const std::function<bool()>& done, const char* what) {
  // MPI may still write into buffers that are gone since an earlier error: it is not called again.
  if (!broken_.empty()) throw CommError(broken_);
  const double start = steady_seconds();
  double now = start;
  try {
    while (true) {
      if (now - last_poll_ >= waiting_poll_s) poll(now, what);
      if (done()) return;
      pause(now - start);
      now = steady_seconds();
    }
  } catch (const std::exception& e) {
    broken_ = e.what();
    throw;
  }
}

void Heartbeat::poll(double now, const char* what) {
  if (closed_) return;
  if (!broken_.empty()) throw CommError(broken_);
  // A rank that was itself away (the whole job may have been suspended) cannot tell how long the others were silent.
  if (now - last_poll_ > deadline_s_ / 2) last_heard_ = now;
  last_poll_ = now;
  send(now);
  listen(now);
  if (!goodbye_ && now - last_heard_ > deadline_s_ && !hears_something()) fail(now - last_heard_, what);
}

void Heartbeat::send(double now) {
  if (closing_ || now - last_sent_ < std::min(1.0, deadline_s_ / 4) || !completed(ring_->sending)) return;
  last_sent_ = now;
  ring_->start_send(beat_byte);
}

void Heartbeat::listen(double now) {
  while (!goodbye_ && completed(ring_->receiving)) {
    last_heard_ = now;
    goodbye_ = ring_->in == goodbye_byte;
    if (!goodbye_) ring_->start_receive();
  }
}

bool Heartbeat::hears_something() {
  const double before = last_heard_;
  const double start = steady_seconds();
  for (double now = start; now - start < last_look_s; now = steady_seconds()) {
    listen(now);
    if (last_heard_ != before) return true;
    pause(spin_s);
  }
  return false;
}

void Heartbeat::fail(double silence_s, const char* what) {
  const auto peer = static_cast<std::size_t>(ring_->previous);
  char seconds[64];
  std::snprintf(seconds, sizeof seconds, "%.0f s (deadline %g s)", silence_s, deadline_s_);
  broken_ = "rank " + std::to_string(peer) + (peer < hosts_.size() ? " on host " + hosts_[peer] : std::string()) +
            " has not made progress for " + seconds + "; it was stopped, hangs, or its node is lost (noticed in " +
            what + "). Start the same command again; finished work is kept.";
  throw CommError(broken_);
}

void Heartbeat::close() {
  if (closed_) return;
  wait([this] { return completed(ring_->sending); }, "closing");
  closing_ = true;  // goodbye is the last word
  ring_->start_send(goodbye_byte);
  wait(
      [this] {
        listen(steady_seconds());
        return goodbye_ && completed(ring_->sending);
      },
      "closing");
  closed_ = true;
}

}  // namespace westofn::comm
