// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every seed, every truncation of it, and a fixed number of mutated seeds, the
// same ones each time.
//
//   TARGET [COUNT]               COUNT mutated inputs (default 20000)
//   TARGET --input FILE          one input, such as one that libFuzzer found
//   TARGET --write-seeds FOLDER  the seeds as files, to begin a libFuzzer run from
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>

#include "fuzz/fuzz_target.h"
#include "util/philox.h"

namespace {

using westofn::RandomSequence;

constexpr std::string_view fragments[] = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          "\"",
                                          ":",
                                          ",",
                                          "null",
                                          "true",
                                          "-1",
                                          "1e99",
                                          "\\",
                                          "\\ud800",
                                          "\\u0000",
                                          "\0",
                                          "\n",
                                          "\r\n",
                                          "\xff",
                                          "\xef\xbb\xbf",
                                          "18446744073709551615",
                                          "9223372036854775808",
                                          "\n\nHuman:",
                                          "\n\nAssistant:"};

std::uint32_t position_in(const std::string& text, RandomSequence& random) {
  return random.below(static_cast<std::uint32_t>(text.size()) + 1);
}

void mutate_once(std::string& text, const std::string& other, RandomSequence& random) {
  const std::uint32_t at = position_in(text, random);
  const std::uint32_t length = random.below(16);
  switch (random.below(6)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(random.below(256));
      break;
    case 2: text.erase(at, length); break;
    case 3: text.insert(at, text.substr(position_in(text, random), length)); break;
    case 4: text.insert(at, fragments[random.below(std::size(fragments))]); break;
    default: text = text.substr(0, at) + other.substr(position_in(other, random));
  }
}

void run(const std::string& input) {
  // A copy of the exact size, so that a sanitizer sees a read past the end.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  try {
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  } catch (const std::exception& error) {
    std::ofstream("fuzz-failure.bin", std::ios::binary) << input;
    std::cerr << "not refused properly: " << error.what() << "\nthe input is in fuzz-failure.bin\n";
    std::exit(EXIT_FAILURE);
  }
}

void run_mutations(const std::vector<std::string>& seeds, std::uint32_t count) {
  const westofn::Philox philox("fuzz", 1, 0, "replay");
  const auto seed_count = static_cast<std::uint32_t>(seeds.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    RandomSequence random(philox, i);
    std::string input = seeds[random.below(seed_count)];
    for (std::uint32_t times = 1 + random.below(4); times > 0; --times) {
      mutate_once(input, seeds[random.below(seed_count)], random);
    }
    run(input);
  }
}

void write_seeds(const std::vector<std::string>& seeds, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream(folder / ("seed-" + std::to_string(i)), std::ios::binary) << seeds[i];
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto seeds = westofn::fuzz::seeds();
  if (arguments.size() == 2 && arguments[0] == "--write-seeds") {
    write_seeds(seeds, arguments[1]);
    return EXIT_SUCCESS;
  }
  if (arguments.size() == 2 && arguments[0] == "--input") {
    std::ifstream file(arguments[1], std::ios::binary);
    run({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
    return EXIT_SUCCESS;
  }
  const std::uint32_t count = arguments.empty() ? 20000 : static_cast<std::uint32_t>(std::stoul(arguments[0]));
  for (const std::string& seed : seeds) {
    for (std::size_t length = 0; length <= seed.size(); ++length) run(seed.substr(0, length));
  }
  run_mutations(seeds, count);
  std::cout << seeds.size() << " seeds with their truncations and " << count << " mutations: no failure\n";
  return EXIT_SUCCESS;
}
