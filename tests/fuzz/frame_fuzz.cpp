// SPDX-License-Identifier: Apache-2.0
// A framed object as it travels between ranks: what is not refused by the frame is the object itself.
#include "comm/frame.h"

#include "fuzz/fuzz_target.h"
#include "util/error.h"

namespace {

const std::vector<std::string> sample = {"", "text", std::string(300, 'x')};

}  // namespace

std::vector<std::string> westofn::fuzz::seeds() { return {comm::pack(sample), comm::pack(std::vector<std::string>{})}; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto object = westofn::comm::unpack<std::vector<std::string>>(bytes, "fuzz");
    WESTOFN_CHECK(westofn::comm::pack(object) == bytes, "an accepted frame changes when it is packed again");
  } catch (const westofn::DataError&) {  // the answer to wrong input
  } catch (const westofn::CommError&) {
  }
  return 0;
}
