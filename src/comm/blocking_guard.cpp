// SPDX-License-Identifier: Apache-2.0
#include "comm/blocking_guard.h"

#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

namespace westofn::comm {
namespace {

// What the handler needs: it may neither allocate nor lock.
const char* guarded_call = "";
int guarded_code = 0;

void say(const char* text) { static_cast<void>(!write(STDERR_FILENO, text, std::strlen(text))); }

void on_alarm(int) {
  say("westofn: ");
  say(guarded_call);
  say(" did not return before the deadline: another rank was stopped, hangs, or its node is lost. "
      "Start the same command again; finished work is kept.\n");
  _exit(guarded_code);
}

}  // namespace

BlockingGuard::BlockingGuard(double seconds, const char* call, ExitCode code) {
  guarded_call = call;
  guarded_code = static_cast<int>(code);
  struct sigaction action = {};
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, nullptr);
  alarm(static_cast<unsigned>(std::ceil(seconds)));
}

BlockingGuard::~BlockingGuard() {
  alarm(0);
  signal(SIGALRM, SIG_DFL);
}

}  // namespace westofn::comm
