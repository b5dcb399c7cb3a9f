// SPDX-License-Identifier: Apache-2.0
// Any bytes as an experiment file: refused with ConfigError, or read, and then written and read again unchanged.
#include "config/config.h"
#include "fuzz/fuzz_target.h"
#include "unit/config/demo_settings.h"
#include "util/error.h"

std::vector<std::string> westofn::fuzz::seeds() {
  return {R"(name: toy
seed: 5
pairs:
  - path: a.jsonl
  - {path: b.jsonl, format: summarize, share: 0.25}
shares: {train: 0.5, test: 0.5}
recipes:
  west_of_8:
    n: 8
    quantiles: [0, 0.5]
tags: [a, "b\tc", 'd''e']
limits: {x: 1, "2": 2}
)",
          "---\nname: >-\n  two\n  lines\npairs: []\nrate: 1e-3\nquiet: true\njudge: ~\nnote: |+\n  a\n\n...\n",
          "{name: a, pairs: [{path: b}], flags: [true, false], offset: -3, note: \"\\u00e9\\x41\"}"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace config = westofn::config;
  const std::string text(reinterpret_cast<const char*>(data), size);
  demo::Settings settings;
  try {
    settings = config::read<demo::Settings>(config::Document(text, "fuzz.yaml"));
  } catch (const westofn::ConfigError&) {  // the answer to wrong input
    return 0;
  }
  const config::Document written(config::to_yaml(settings), "written.yaml");
  WESTOFN_CHECK(config::read<demo::Settings>(written) == settings, "settings change when they are written");
  return 0;
}
