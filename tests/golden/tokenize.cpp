// SPDX-License-Identifier: Apache-2.0
// For the golden test of the tokenizer.
//
//   tokenize train  VOCAB_SIZE MODEL < {"sentences": [...], "phrases": [...], "labels": [...]}
//   tokenize encode FOLDER VOCAB_SIZE < lines with a JSON text each     prints a line with a JSON list of ids for each
//   tokenize decode FOLDER VOCAB_SIZE < lines with a JSON list of ids each    prints a line with a JSON text for each
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "tokenizer/tokenizer.h"
#include "tokenizer/train.h"

namespace {

using westofn::tokenizer::Tokenizer;
using westofn::tokenizer::Tokens;

int train(const std::string& vocab_size, const std::string& path) {
  const auto json = nlohmann::json::parse(std::cin);
  const std::string bytes = westofn::tokenizer::train_tokenizer(
      {.vocab_size = std::stoll(vocab_size)},
      {.sentences = json.at("sentences"), .phrases = json.at("phrases"), .labels = json.at("labels")});
  std::ofstream(path, std::ios::binary) << bytes;
  return EXIT_SUCCESS;
}

int convert(const std::string& direction, const Tokenizer& tokenizer) {
  for (std::string line; std::getline(std::cin, line);) {
    const auto json = nlohmann::json::parse(line);
    const nlohmann::json answer = direction == "encode"
                                      ? nlohmann::json(tokenizer.encode_with_end(json.get<std::string>()))
                                      : nlohmann::json(tokenizer.decode(json.get<Tokens>()));
    std::cout << answer.dump() << "\n";
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.size() != 3) return EXIT_FAILURE;
    if (words[0] == "train") return train(words[1], words[2]);
    return convert(words[0], Tokenizer::load(words[1], std::stoll(words[2])));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
