// SPDX-License-Identifier: Apache-2.0
#include "synthesis/imported_samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include "comm/agree.h"
#include "io/file.h"
#include "io/json_text.h"
#include "io/jsonl_reader.h"
#include "util/error.h"
#include "util/hash.h"
#include "util/text.h"

namespace westofn::synthesis {

/// Rows with one id that follow one another. Trivially copyable: it travels to all ranks.
struct ImportedSamples::Run {
  std::uint64_t id_hash = 0;
  std::uint64_t offset = 0;  ///< of the first row, bytes
  std::int64_t line = 0;     ///< of the first row
  std::int64_t rows = 0;
  std::int64_t file = 0;
};

namespace {

/// The lines of a part of a text that are not blank, with their numbers and places.
class Lines {
 public:
  struct Line {
    io::Line text;
    std::uint64_t offset = 0;
  };

  /// `number`: of the line at `begin`.
  Lines(std::string_view whole, std::uint64_t begin, std::uint64_t end, std::int64_t number)
      : whole_(whole), next_(begin), end_(end), number_(number) {}

  [[nodiscard]] std::optional<Line> next() {
    while (next_ < end_) {
      const std::uint64_t begin = next_;
      const auto found = whole_.find('\n', begin);
      const std::uint64_t stop = found == std::string_view::npos ? whole_.size() : found;
      next_ = stop + 1;
      std::string_view text = whole_.substr(begin, stop - begin);
      const std::int64_t number = number_++;
      if (begin == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
      if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      const bool too_long = text.size() > io::jsonl_line_limit;
      return Line{{number, too_long ? std::string_view() : text, too_long}, begin};
    }
    return std::nullopt;
  }

 private:
  std::string_view whole_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::int64_t number_;
};

/// The first byte of a line at or behind `at`.
std::uint64_t line_begin(std::string_view text, std::uint64_t at) {
  if (at == 0 || at >= text.size()) return std::min<std::uint64_t>(at, text.size());
  const auto end = text.find('\n', at - 1);
  return end == std::string_view::npos ? text.size() : end + 1;
}

/// Parses a row and hands it to `use`.
template <class F>
auto with_row(const io::Line& line, const std::string& path, const F& use) {
  const nlohmann::json json = io::parse_row(line, path);
  const io::TextPlace place{path, line.number};
  return use(io::JsonValue(json, place));
}

Sample to_sample(const io::JsonValue& row, const tokenizer::Tokenizer& tokenizer) {
  Sample sample;
  sample.response = row.field("response").text();
  const auto likelihood = row.find("log_likelihood");
  sample.log_likelihood = likelihood ? likelihood->number() : std::numeric_limits<double>::quiet_NaN();
  const auto finished = row.find("finished");
  sample.finished = !finished || finished->boolean();
  const tokenizer::Tokens tokens =
      sample.finished ? tokenizer.encode_with_end(sample.response) : tokenizer.encode(sample.response);
  sample.tokens.assign(tokens.begin(), tokens.end());
  return sample;
}

}  // namespace

ImportedSamples::ImportedSamples(comm::Communicator& world, std::span<const std::string> paths,
                                 const std::function<void()>& beat) {
  comm::agree(world, [&] {
    for (const auto& path : paths) {
      if (path.ends_with(".gz")) {
        throw DataError(printable(path, 1000) + ": compressed; `generation.import` reads in place: unpack it first");
      }
      files_.push_back(std::make_unique<io::MappedFile>(path));
    }
  });
  std::vector<Run> mine;
  for (std::size_t file = 0; file < files_.size(); ++file) scan(file, world, beat, mine);
  runs_ = world.all_gather_variable(mine).values;
  std::ranges::sort(runs_, {}, [](const Run& run) { return std::tuple(run.id_hash, run.file, run.offset); });
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (i == 0 || runs_[i].id_hash != runs_[i - 1].id_hash) ++prompts_;
  }
}

ImportedSamples::~ImportedSamples() = default;

void ImportedSamples::scan(std::size_t file, comm::Communicator& world, const std::function<void()>& beat,
                           std::vector<Run>& runs) {
  const std::string_view text = files_[file]->text();
  const auto ranks = static_cast<std::uint64_t>(world.size());
  const auto rank = static_cast<std::uint64_t>(world.rank());
  const std::uint64_t begin = line_begin(text, text.size() / ranks * rank);
  const std::uint64_t end = rank + 1 == ranks ? text.size() : line_begin(text, text.size() / ranks * (rank + 1));
  const std::string_view part = text.substr(begin, end - begin);
  const std::vector<std::int64_t> mine = {std::count(part.begin(), part.end(), '\n')};
  std::vector<std::int64_t> counts(ranks);
  world.all_gather(mine, counts);
  std::int64_t number = 1;
  for (std::uint64_t before = 0; before < rank; ++before) number += counts[before];
  comm::agree(world, [&] {
    const std::size_t first = runs.size();
    Lines lines(text, begin, end, number);
    while (const auto line = lines.next()) {
      beat();
      const std::uint64_t id = with_row(line->text, files_[file]->path(),
                                        [](const io::JsonValue& row) { return hash64(row.field("id").id()); });
      if (runs.size() > first && runs.back().id_hash == id) {
        ++runs.back().rows;
      } else {
        runs.push_back({id, line->offset, line->text.number, 1, static_cast<std::int64_t>(file)});
      }
    }
  });
}

std::span<const ImportedSamples::Run> ImportedSamples::runs_of(const std::string& prompt_id) const {
  const auto found = std::ranges::equal_range(runs_, hash64(prompt_id), {}, &Run::id_hash);
  return {found.begin(), found.end()};
}

bool ImportedSamples::has(const std::string& prompt_id) const { return !runs_of(prompt_id).empty(); }

std::vector<Sample> ImportedSamples::read(const std::string& prompt_id, std::int64_t count,
                                          const tokenizer::Tokenizer& tokenizer) const {
  std::vector<std::optional<Sample>> found(static_cast<std::size_t>(count));
  std::string place;
  for (const Run& run : runs_of(prompt_id)) {
    const io::MappedFile& file = *files_[static_cast<std::size_t>(run.file)];
    Lines lines(file.text(), run.offset, file.text().size(), run.line);
    if (place.empty()) place = file.path() + ":" + std::to_string(run.line);
    for (std::int64_t i = 0; i < run.rows; ++i) {
      const auto line = lines.next();
      WESTOFN_CHECK(line.has_value(), "an imported file keeps its rows");
      with_row(line->text, file.path(), [&](const io::JsonValue& row) {
        if (row.field("id").id() != prompt_id) return;  // another id with the same hash
        const std::uint64_t number = row.field("sample").count();
        if (number >= static_cast<std::uint64_t>(count)) return;
        auto& slot = found[number];
        if (slot) row.field("sample").fail("the prompt has this sample already");
        slot = to_sample(row, tokenizer);
        slot->number = static_cast<std::int32_t>(number);
      });
    }
  }
  std::vector<Sample> samples;
  for (std::int64_t number = 0; number < count; ++number) {
    auto& slot = found[static_cast<std::size_t>(number)];
    if (!slot) {
      throw DataError(place + ": prompt '" + printable(prompt_id, 60) + "' has no sample number " +
                      std::to_string(number) + "; " + std::to_string(count) +
                      " are needed, numbered from 0 (`generation.n`, and one more for test prompts)");
    }
    samples.push_back(std::move(*slot));
  }
  return samples;
}

}  // namespace westofn::synthesis
