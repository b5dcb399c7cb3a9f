// SPDX-License-Identifier: Apache-2.0
#include "io/mixture_file.h"

#include <cstddef>
#include <string>
#include <vector>

#include "io/hdf5_kind.h"

namespace westofn::io {
namespace {

constexpr const char* filetype = "westofn/mixture";

constexpr std::int64_t minor_version = 1;  // 1: sample numbers and the attributes of the lineage

void write_rows(Hdf5Writer& out, std::span<const MixtureRow> rows) {
  std::vector<std::uint8_t> sources;
  std::vector<std::int64_t> numbers;
  sources.reserve(rows.size());
  numbers.reserve(rows.size());
  for (const auto& row : rows) {
    sources.push_back(static_cast<std::uint8_t>(row.source));
    numbers.push_back(row.row);
  }
  out.dataset("/source", sources, {"of each pair in training order: index into: human, synthetic", "1"});
  out.dataset("/row", numbers, {"which pair of that source: index into /human or /synthetic", "1"});
}

template <class Member>
void write_column(Hdf5Writer& out, const char* path, const MixtureLineage& lineage, Member SyntheticOrigin::*member,
                  const char* description) {
  std::vector<Member> values;
  values.reserve(lineage.synthetic.size());
  for (const auto& origin : lineage.synthetic) values.push_back(origin.*member);
  out.dataset(path, values, {description, "1"});
}

void write_lineage(Hdf5Writer& out, const MixtureLineage& lineage) {
  out.attribute("/", "recipe", lineage.recipe);
  out.attribute("/", "round", lineage.round);
  out.attribute("/", "policy", lineage.policy);
  out.attribute("/", "preference_model", lineage.preference_model);
  out.text("/human/id", lineage.human_ids, {"[i]: id of the human pair that rows call i", "text"});
  using Origin = SyntheticOrigin;
  write_column(out, "/synthetic/prompt", lineage, &Origin::prompt,
               "[i]: index, among the unlabelled prompts, of the prompt of the kept pair that rows call i");
  write_column(out, "/synthetic/file", lineage, &Origin::file,
               "[i]: number of the pairs file in which that pair stands");
  write_column(out, "/synthetic/row", lineage, &Origin::row,
               "[i]: its row in that file, from 0, dropped pairs counted");
  write_column(out, "/synthetic/chosen", lineage, &Origin::chosen, "[i]: sample number of its better response");
  write_column(out, "/synthetic/rejected", lineage, &Origin::rejected, "[i]: sample number of its worse response");
}

template <class Member>
void read_column(const Hdf5Reader& in, const char* path, MixtureLineage& lineage, Member SyntheticOrigin::*member) {
  const auto values = in.read<Member>(path);
  if (values.size() != lineage.synthetic.size()) {
    in.refuse(std::string(path) + " has " + std::to_string(values.size()) + " rows, /synthetic/prompt has " +
              std::to_string(lineage.synthetic.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) lineage.synthetic[i].*member = values[i];
}

}  // namespace

FileInfo write_mixture(const std::string& path, std::span<const MixtureRow> rows, const MixtureLineage& lineage) {
  Hdf5Writer out;
  write_kind(out, filetype, minor_version);
  write_rows(out, rows);
  write_lineage(out, lineage);
  return out.publish(path);
}

std::vector<MixtureRow> read_mixture(const std::string& path, const std::optional<FileInfo>& expected) {
  const Hdf5Reader in(path, expected);
  check_kind(in, filetype);
  const auto sources = in.read<std::uint8_t>("/source");
  const auto numbers = in.read<std::int64_t>("/row");
  if (sources.size() != numbers.size()) in.refuse("/source and /row differ in length");
  const std::size_t humans = in.text("/human/id").size();
  const std::size_t synthetics = in.read<std::int64_t>("/synthetic/prompt").size();
  std::vector<MixtureRow> rows;
  rows.reserve(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const bool known_source = sources[i] <= static_cast<std::uint8_t>(PairSourceKind::synthetic);
    const auto source = static_cast<PairSourceKind>(sources[i]);
    const auto limit = static_cast<std::int64_t>(source == PairSourceKind::human ? humans : synthetics);
    if (!known_source || numbers[i] < 0 || numbers[i] >= limit) {
      in.refuse("row " + std::to_string(i) + " of the mixture numbers a pair that is not there");
    }
    rows.push_back({source, numbers[i]});
  }
  return rows;
}

MixtureLineage read_lineage(const std::string& path, const std::optional<FileInfo>& expected) {
  const Hdf5Reader in(path, expected);
  check_kind(in, filetype);
  if (in.attribute_as<std::vector<std::int64_t>>("/", "version")[1] < minor_version) {
    in.refuse("was written by an older version, which kept no sample numbers; delete its folder to make it again");
  }
  MixtureLineage lineage;
  lineage.recipe = in.attribute_as<std::string>("/", "recipe");
  lineage.round = in.attribute_as<std::int64_t>("/", "round");
  lineage.policy = in.attribute_as<std::string>("/", "policy");
  lineage.preference_model = in.attribute_as<std::string>("/", "preference_model");
  lineage.human_ids = in.text("/human/id");
  lineage.synthetic.resize(in.read<std::int64_t>("/synthetic/prompt").size());
  using Origin = SyntheticOrigin;
  read_column(in, "/synthetic/prompt", lineage, &Origin::prompt);
  read_column(in, "/synthetic/file", lineage, &Origin::file);
  read_column(in, "/synthetic/row", lineage, &Origin::row);
  read_column(in, "/synthetic/chosen", lineage, &Origin::chosen);
  read_column(in, "/synthetic/rejected", lineage, &Origin::rejected);
  return lineage;
}

}  // namespace westofn::io
