// SPDX-License-Identifier: Apache-2.0
// Settings with every field type, for the tests of config.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/types.h"

namespace demo {

enum class Format { trl, hh, summarize };

struct PairFile {
  std::string path;
  Format format = Format::trl;
  std::optional<double> share;
  bool operator==(const PairFile&) const = default;
};

struct Shares {
  double train = 0.8;
  double test = 0.2;
  bool operator==(const Shares&) const = default;
};

struct Recipe {
  std::int32_t n = 64;
  std::vector<double> quantiles;
  bool operator==(const Recipe&) const = default;
};

struct Settings {
  std::string name;
  std::uint64_t seed = 1;
  bool quiet = false;
  double rate = 1e-5;
  std::uint32_t threads = 1;
  std::int64_t offset = 0;
  std::vector<PairFile> pairs;
  Shares shares;
  westofn::config::Named<Recipe> recipes;
  std::optional<Shares> judge;
  std::vector<std::string> tags;
  std::vector<bool> flags;
  westofn::config::Named<std::int64_t> limits;
  std::optional<std::string> note;
  bool operator==(const Settings&) const = default;
};

template <class V>
void visit_fields(V& v, PairFile& s) {
  v.required("path", s.path, "file of pairs");
  v.optional("format", s.format, "how a row is written");
  v.optional("share", s.share, "part of the file that is used");
}

template <class V>
void visit_fields(V& v, Shares& s) {
  v.optional("train", s.train, "for training");
  v.optional("test", s.test, "for the final evaluation");
  v.check("train", s.train + s.test == 1, "shares that add up to 1");
}

template <class V>
void visit_fields(V& v, Recipe& s) {
  v.optional("n", s.n, "responses for each prompt");
  v.optional("quantiles", s.quantiles, "filter quantiles");
  v.check("n", s.n >= 2, "at least 2");
}

template <class V>
void visit_fields(V& v, Settings& s) {
  v.required("name", s.name, "name of the run folder");
  v.optional("seed", s.seed, "seed of all random streams");
  v.optional("quiet", s.quiet, "no progress lines");
  v.optional("rate", s.rate, "learning rate");
  v.optional("threads", s.threads, "threads for each rank");
  v.optional("offset", s.offset, "first row");
  v.required("pairs", s.pairs, "human pairs");
  v.optional("shares", s.shares, "how the pairs are split");
  v.optional("recipes", s.recipes, "how synthetic pairs are made");
  v.optional("judge", s.judge, "shares of the judge");
  v.optional("tags", s.tags, "free words");
  v.optional("flags", s.flags, "switches");
  v.optional("limits", s.limits, "numbers by name");
  v.optional("note", s.note, "anything");
}

}  // namespace demo

template <>
struct westofn::config::EnumNames<demo::Format> {
  using enum demo::Format;
  static constexpr std::array<EnumName<demo::Format>, 3> table = {{{trl, "trl"}, {hh, "hh"}, {summarize, "summarize"}}};
};
