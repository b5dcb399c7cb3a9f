// SPDX-License-Identifier: Apache-2.0
#include "io/synthetic_pair_file.h"

#include <array>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "io/hdf5_kind.h"
#include "io/manifest.h"
#include "util/text.h"

namespace westofn::io {
namespace {

constexpr const char* filetype = "westofn/synthetic-pairs";
constexpr std::array<std::string_view, outcome_count> outcome_names = {
    "kept", "one_response", "inverted", "too_long", "non_finite", "confidence", "chosen", "rejected", "joint"};

std::string list_outcomes() {
  return join_text(std::vector<std::string>(outcome_names.begin(), outcome_names.end()), ", ");
}

/// All fields in the order of the file: both writing and reading go through this list.
template <class Visitor>
void visit_columns(Visitor& v) {
  using Pair = SyntheticPair;
  v.field("/prompt", &Pair::prompt, {"index of the prompt among the unlabelled ones", "1"});
  v.field("/prompt_id", &Pair::prompt_id, {"id of the prompt", "text"});
  v.field("/group", &Pair::group, {"prompts of one group never stand in two splits", "text"});
  v.field("/prompt_text", &Pair::prompt_text, {"the prompt", "text"});
  v.field("/outcome", &Pair::outcome,
          {"what became of the prompt: index into: " + list_outcomes() +
               "; confidence and what follows: below that filter's quantile",
           "1"});
  v.field("/cycle", &Pair::cycle, {"1: one response won both brackets of the tournament", "1"});
  v.field("/chosen", &Pair::chosen, {"sample number of the better response; -1: no pair", "1"});
  v.field("/rejected", &Pair::rejected, {"sample number of the worse response; -1: no pair", "1"});
  v.field("/chosen_response", &Pair::chosen_response, {"text of the better response", "text"});
  v.field("/rejected_response", &Pair::rejected_response, {"text of the worse response", "text"});
  v.field("/confidence", &Pair::confidence, {"P(chosen > rejected) of the preference model; 0: no pair", "1"});
  v.field("/chosen_log_likelihood", &Pair::chosen_log_likelihood,
          {"sum over the tokens under the policy at temperature 1", "nats"});
  v.field("/rejected_log_likelihood", &Pair::rejected_log_likelihood,
          {"sum over the tokens under the policy at temperature 1", "nats"});
  v.field("/chosen_tokens", &Pair::chosen_tokens, {"tokens of the better response, with its end token", "1"});
  v.field("/rejected_tokens", &Pair::rejected_tokens, {"tokens of the worse response, with its end token", "1"});
}

/// How a member is stored: bool and enums as uint8.
template <class Member>
using Stored = std::conditional_t<std::is_enum_v<Member> || std::same_as<Member, bool>, std::uint8_t, Member>;

class Writer {
 public:
  explicit Writer(std::span<const SyntheticPair> pairs) : pairs_(pairs) { write_kind(out_, filetype); }

  template <class Member>
  void field(const char* path, Member SyntheticPair::*member, const FieldNote& note) {
    std::vector<Stored<Member>> values;
    values.reserve(pairs_.size());
    for (const auto& pair : pairs_) values.push_back(static_cast<Stored<Member>>(pair.*member));
    if constexpr (std::same_as<Member, std::string>) {
      out_.text(path, values, note);
    } else {
      out_.dataset(path, values, note);
    }
  }

  FileInfo publish(const std::string& path) { return out_.publish(path); }

 private:
  std::span<const SyntheticPair> pairs_;
  Hdf5Writer out_;
};

class Reader {
 public:
  Reader(const std::string& path, const std::optional<FileInfo>& expected) : in_(path, expected) {
    check_kind(in_, filetype);
    pairs_.resize(in_.read<std::int64_t>("/prompt").size());
  }

  template <class Member>
  void field(const char* path, Member SyntheticPair::*member, const FieldNote& /*note*/) {
    std::vector<Stored<Member>> values;
    if constexpr (std::same_as<Member, std::string>) {
      values = in_.text(path);
    } else {
      values = in_.read<Stored<Member>>(path);
    }
    if (values.size() != pairs_.size()) {
      in_.refuse(std::string(path) + " has " + std::to_string(values.size()) + " rows, /prompt has " +
                 std::to_string(pairs_.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::same_as<Member, PairOutcome>) refuse_unknown(path, i, values[i]);
      pairs_[i].*member = static_cast<Member>(std::move(values[i]));
    }
  }

  std::vector<SyntheticPair> take() { return std::move(pairs_); }

 private:
  void refuse_unknown(const char* path, std::size_t row, std::uint8_t outcome) const {
    if (outcome < outcome_count) return;
    in_.refuse(std::string(path) + ", row " + std::to_string(row) + ": is " + std::to_string(outcome) +
               ", the last is " + std::to_string(outcome_count - 1));
  }

  Hdf5Reader in_;
  std::vector<SyntheticPair> pairs_;
};

}  // namespace

std::string_view outcome_name(PairOutcome outcome) { return outcome_names.at(static_cast<std::size_t>(outcome)); }

FileInfo write_synthetic_pairs(const std::string& path, std::span<const SyntheticPair> pairs) {
  Writer out(pairs);
  visit_columns(out);
  return out.publish(path);
}

std::vector<SyntheticPair> read_synthetic_pairs(const std::string& path, const std::optional<FileInfo>& expected) {
  Reader in(path, expected);
  visit_columns(in);
  return in.take();
}

std::vector<SyntheticPair> read_kept_pairs(const std::string& recipe_folder) {
  std::vector<SyntheticPair> kept;
  for (const auto& file : read_manifest(recipe_folder).files) {
    if (!file.name.starts_with("pairs-")) continue;
    for (auto& pair : read_synthetic_pairs(recipe_folder + "/" + file.name, file)) {
      if (pair.outcome == PairOutcome::kept) kept.push_back(std::move(pair));
    }
  }
  return kept;
}

}  // namespace westofn::io
