// SPDX-License-Identifier: Apache-2.0
// Checks that a call throws an error of this program with the right code and message.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "util/error.h"

namespace westofn::testing {

/// Fails the test unless f() throws DataError (code 3) whose message holds `part`.
template <class F>
void expect_data_error(F&& f, const std::string& part) {
  try {
    f();
    ADD_FAILURE() << "no error; expected a message with \"" << part << '"';
  } catch (const DataError& error) {
    EXPECT_EQ(error.code(), ExitCode::data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
  }
}

}  // namespace westofn::testing
