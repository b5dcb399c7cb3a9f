// SPDX-License-Identifier: Apache-2.0
#include "io/mixture_file.h"

#include <cstddef>

#include "io/hdf5_kind.h"

namespace westofn::io {
namespace {

constexpr const char* filetype = "westofn/mixture";

void write_lineage(Hdf5Writer& out, const MixtureLineage& lineage) {
  out.text("/human/id", lineage.human_ids, {"[i]: id of the human pair that rows call i", "text"});
  const auto column = [&](const char* path, std::int64_t SyntheticOrigin::*member, const char* description) {
    std::vector<std::int64_t> values;
    values.reserve(lineage.synthetic.size());
    for (const auto& origin : lineage.synthetic) values.push_back(origin.*member);
    out.dataset(path, values, {description, "1"});
  };
  column("/synthetic/prompt", &SyntheticOrigin::prompt,
         "[i]: index, among the unlabelled prompts, of the prompt of the kept pair that rows call i");
  column("/synthetic/file", &SyntheticOrigin::file, "[i]: number of the pairs file in which that pair stands");
  column("/synthetic/row", &SyntheticOrigin::row, "[i]: its row in that file, from 0, dropped pairs counted");
}

}  // namespace

FileInfo write_mixture(const std::string& path, std::span<const MixtureRow> rows, const MixtureLineage& lineage) {
  Hdf5Writer out;
  write_kind(out, filetype);
  std::vector<std::uint8_t> sources;
  std::vector<std::int64_t> numbers;
  for (const auto& row : rows) {
    sources.push_back(static_cast<std::uint8_t>(row.source));
    numbers.push_back(row.row);
  }
  out.dataset("/source", sources, {"of each pair in training order: index into: human, synthetic", "1"});
  out.dataset("/row", numbers, {"which pair of that source: index into /human or /synthetic", "1"});
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

}  // namespace westofn::io
