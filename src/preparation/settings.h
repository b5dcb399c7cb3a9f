// SPDX-License-Identifier: Apache-2.0
// The `data` section of an experiment: which files, in which format, and how they are split.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/types.h"
#include "io/importers/importer.h"
#include "io/jsonl_reader.h"
#include "record/records.h"
#include "world/toy_world.h"

namespace westofn::preparation {

/// To which split the rows of a file belong.
enum class SplitChoice { by_group, given, train, validation, test, judge };

/// To which half of the training pairs the rows of a file belong; only the labelled half (HF50) shows its labels.
enum class HalfChoice { by_group, labelled, other };

/// What to do with rows whose group already stands in another split.
enum class OnOverlap { fail, drop };

/// A file of labelled pairs.
struct PairSource {
  std::string path;
  io::PairFormat format = io::PairFormat::trl;
  SplitChoice split = SplitChoice::by_group;
  HalfChoice half = HalfChoice::by_group;
};

/// A file of prompts without labels.
struct PromptSource {
  std::string path;
  PromptSet set = PromptSet::unlabelled;
};

/// A file of prompts with one good response each.
struct DemonstrationSource {
  std::string path;
};

/// Shares of the groups that are split by hash; they add up to 1.
struct Shares {
  double train = 0.80;
  double validation = 0.05;
  double test = 0.10;
  double judge = 0.05;
};

/// A world that is made instead of reading files.
struct WorldSettings {
  std::optional<std::uint64_t> seed;  ///< default: the seed of the experiment
  world::ToyWorldSettings toy;        ///< its own seed is set from the above
};

/// The `data` section.
struct DataSettings {
  std::optional<WorldSettings> world;
  std::vector<PairSource> pairs;
  std::vector<PromptSource> prompts;
  std::vector<DemonstrationSource> demonstrations;
  Shares shares;
  bool lend_prompts = true;
  io::OnBadRecord on_bad_record = io::OnBadRecord::fail;
  OnOverlap on_overlap = OnOverlap::fail;
  std::int64_t rows_per_file = 8192;
};

template <class V>
void visit_fields(V& v, PairSource& s) {
  v.required("path", s.path, "JSONL file, also .gz, relative to the current folder");
  v.optional("format", s.format,
             "layout of the rows: trl, hh (Anthropic), summarize (OpenAI comparisons), ultrafeedback");
  v.optional("split", s.split,
             "by_group (the split that a row names, else hash of its group), given (every row must name one), or all "
             "rows to one split");
  v.optional("half", s.half,
             "of the training pairs: by_group (what a row says, else hash), labelled (HF50) or other (labels hidden)");
}

template <class V>
void visit_fields(V& v, PromptSource& s) {
  v.required("path", s.path, "JSONL file, also .gz, with rows {\"id\"?, \"prompt\", \"group\"?}");
  v.optional("set", s.set, "unlabelled (for synthetic pairs), validation (scale of the reward), test (Best-of-N)");
}

template <class V>
void visit_fields(V& v, DemonstrationSource& s) {
  v.required("path", s.path, "JSONL file, also .gz, with rows {\"id\"?, \"prompt\", \"response\"}");
}

template <class V>
void visit_fields(V& v, Shares& s) {
  v.optional("train", s.train, "share of the groups");
  v.optional("validation", s.validation, "share of the groups: choice of checkpoints and filters");
  v.optional("test", s.test, "share of the groups: the reported accuracy");
  v.optional("judge", s.judge, "share of the groups: trains the judge of win rates");
  v.check("", s.train >= 0 && s.validation >= 0 && s.test >= 0 && s.judge >= 0, "shares that are not negative");
  v.check("", std::abs(s.train + s.validation + s.test + s.judge - 1) < 1e-9, "four shares that add up to 1");
}

template <class V>
void visit_fields(V& v, WorldSettings& s) {
  v.optional("seed", s.seed, "seed of all texts and labels of the world (default: the seed of the experiment)");
  world::visit_sizes(v, s.toy);
}

template <class V>
void visit_fields(V& v, DataSettings& s) {
  v.optional("world", s.world, "make the toy world instead of reading files");
  v.optional("pairs", s.pairs, "files of labelled pairs");
  v.optional("prompts", s.prompts, "files of prompts without labels");
  v.optional("demonstrations", s.demonstrations,
             "files to fine-tune the policy on; without any: the chosen responses of the labelled half");
  v.optional("shares", s.shares, "how groups without a given split are divided");
  v.optional("lend_prompts", s.lend_prompts,
             "training pairs outside the labelled half lend their prompts, without labels");
  v.optional("on_bad_record", s.on_bad_record, "fail at the first row that cannot be read, or skip and count them");
  v.optional("on_overlap", s.on_overlap,
             "fail when a group stands in two given splits, or drop it from the lesser one");
  v.optional("rows_per_file", s.rows_per_file, "rows of an input file that go into one output file");
  v.check("", !s.world || (s.pairs.empty() && s.prompts.empty() && s.demonstrations.empty()),
          "either `world` or files, not both");
  v.check("", s.world || !s.pairs.empty() || !s.prompts.empty() || !s.demonstrations.empty(),
          "`world`, or at least one file under `pairs`, `prompts` or `demonstrations`");
  v.check("rows_per_file", s.rows_per_file >= 1 && s.rows_per_file <= 1'000'000, "a number from 1 to 1000000");
}

}  // namespace westofn::preparation

namespace westofn::config {

template <>
struct EnumNames<io::PairFormat> {
  static constexpr std::array table = {EnumName<io::PairFormat>{io::PairFormat::trl, "trl"},
                                       EnumName<io::PairFormat>{io::PairFormat::hh, "hh"},
                                       EnumName<io::PairFormat>{io::PairFormat::summarize, "summarize"},
                                       EnumName<io::PairFormat>{io::PairFormat::ultrafeedback, "ultrafeedback"}};
};

template <>
struct EnumNames<io::OnBadRecord> {
  static constexpr std::array table = {EnumName<io::OnBadRecord>{io::OnBadRecord::fail, "fail"},
                                       EnumName<io::OnBadRecord>{io::OnBadRecord::skip, "skip"}};
};

template <>
struct EnumNames<PromptSet> {
  static constexpr std::array table = {EnumName<PromptSet>{PromptSet::unlabelled, "unlabelled"},
                                       EnumName<PromptSet>{PromptSet::validation, "validation"},
                                       EnumName<PromptSet>{PromptSet::test, "test"}};
};

template <>
struct EnumNames<preparation::SplitChoice> {
  using E = preparation::SplitChoice;
  static constexpr std::array table = {EnumName<E>{E::by_group, "by_group"}, EnumName<E>{E::given, "given"},
                                       EnumName<E>{E::train, "train"},       EnumName<E>{E::validation, "validation"},
                                       EnumName<E>{E::test, "test"},         EnumName<E>{E::judge, "judge"}};
};

template <>
struct EnumNames<preparation::HalfChoice> {
  using E = preparation::HalfChoice;
  static constexpr std::array table = {EnumName<E>{E::by_group, "by_group"}, EnumName<E>{E::labelled, "labelled"},
                                       EnumName<E>{E::other, "other"}};
};

template <>
struct EnumNames<preparation::OnOverlap> {
  using E = preparation::OnOverlap;
  static constexpr std::array table = {EnumName<E>{E::fail, "fail"}, EnumName<E>{E::drop, "drop"}};
};

}  // namespace westofn::config
