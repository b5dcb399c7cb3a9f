// SPDX-License-Identifier: Apache-2.0
#include "io/pool_file.h"

#include <array>
#include <cstdio>

#include "io/hdf5_kind.h"
#include "util/error.h"

namespace westofn::io {
namespace {

constexpr const char* filetype = "westofn/pool";
constexpr std::array<std::string_view, 3> set_names = {"unlabelled", "validation", "test"};

/// One member of all pools.
template <class T, class Get>
std::vector<T> pool_column(std::span<const Pool> pools, Get get) {
  std::vector<T> values;
  values.reserve(pools.size());
  for (const auto& pool : pools) values.push_back(get(pool));
  return values;
}

/// One member of all samples of all pools.
template <class T, class Get>
std::vector<T> sample_column(std::span<const Pool> pools, Get get) {
  std::vector<T> values;
  values.reserve(pools.size() * pools[0].samples.size());
  for (const auto& pool : pools) {
    for (const auto& sample : pool.samples) values.push_back(get(sample));
  }
  return values;
}

void write_prompts_of(Hdf5Writer& out, std::span<const Pool> pools) {
  const auto text = [&](const char* path, std::string Prompt::*field, const char* description) {
    out.text(path, pool_column<std::string>(pools, [&](const Pool& pool) { return pool.prompt.*field; }),
             {description, "text"});
  };
  out.dataset("/index", pool_column<std::int64_t>(pools, [](const Pool& pool) { return pool.index; }),
              {"of the prompt among all prompts of its set, from 0", "1"});
  text("/id", &Prompt::id, "id of the prompt");
  text("/group", &Prompt::group, "prompts of one group never stand in two splits");
  text("/prompt", &Prompt::text, "the prompt");
  text("/source", &Prompt::source, "name of the file that the prompt came from");
  out.dataset("/line", pool_column<std::int64_t>(pools, [](const Pool& pool) { return pool.prompt.line; }),
              {"line in that file, from 1", "1"});
}

void write_tokens(Hdf5Writer& out, std::span<const Pool> pools) {
  std::vector<std::int32_t> values;
  std::vector<std::int64_t> offsets = {0};
  for (const auto& pool : pools) {
    for (const auto& sample : pool.samples) {
      values.insert(values.end(), sample.tokens.begin(), sample.tokens.end());
      offsets.push_back(static_cast<std::int64_t>(values.size()));
    }
  }
  out.dataset("/samples/tokens/values", values,
              {"token ids of all samples, each with its end token if it was written", "1"});
  out.dataset("/samples/tokens/offsets", offsets,
              {"row r of the samples has the values from offsets[r] to offsets[r + 1]", "1"});
}

void write_samples(Hdf5Writer& out, std::span<const Pool> pools, std::uint64_t n) {
  out.dataset_2d("/samples/number", sample_column<std::int32_t>(pools, [](const Sample& s) { return s.number; }), n,
                 {"of the sample in its pool, from 0", "1"});
  out.text("/samples/response", sample_column<std::string>(pools, [](const Sample& s) { return s.response; }),
           {"text of the tokens, prompt by prompt", "text"});
  write_tokens(out, pools);
  out.dataset_2d("/samples/log_likelihood",
                 sample_column<double>(pools, [](const Sample& s) { return s.log_likelihood; }), n,
                 {"sum over the tokens of their log-probability under the policy at temperature 1", "nats"});
  out.dataset_2d("/samples/finished",
                 sample_column<std::uint8_t>(pools, [](const Sample& s) { return std::uint8_t{s.finished}; }), n,
                 {"1: ended by itself, 0: by the limit of tokens", "1"});
}

/// Reads a file with known numbers of prompts and samples.
class PoolReader {
 public:
  PoolReader(const std::string& path, const std::optional<FileInfo>& expected) : in_(path, expected) {
    check_kind(in_, filetype);
    const auto index = in_.read<std::int64_t>("/index");
    const auto n = in_.attribute_as<std::int64_t>("/", "n");
    if (n < 1) in_.refuse("attribute n is " + std::to_string(n) + ", expected a positive number");
    if (in_.read<std::int32_t>("/samples/number").size() / static_cast<std::size_t>(n) != index.size()) {
      in_.refuse("/samples/number has not n = " + std::to_string(n) + " values for each row of /index");
    }
    pools_.resize(index.size());
    for (std::size_t i = 0; i < index.size(); ++i) {
      pools_[i].index = index[i];
      pools_[i].samples.resize(static_cast<std::size_t>(n));
    }
  }

  std::vector<Pool> read() {
    const PromptSet set = read_set();
    for (auto& pool : pools_) pool.prompt.set = set;
    text("/id", &Prompt::id);
    text("/group", &Prompt::group);
    text("/prompt", &Prompt::text);
    text("/source", &Prompt::source);
    const auto line = sized("/line", in_.read<std::int64_t>("/line"), pools_.size());
    for (std::size_t i = 0; i < pools_.size(); ++i) pools_[i].prompt.line = line[i];
    read_samples();
    return std::move(pools_);
  }

 private:
  template <class T>
  std::vector<T> sized(const std::string& path, std::vector<T> values, std::size_t rows) const {
    if (values.size() != rows) {
      in_.refuse(path + " has " + std::to_string(values.size()) + " values, expected " + std::to_string(rows));
    }
    return values;
  }

  PromptSet read_set() const {
    const auto name = in_.attribute_as<std::string>("/", "set");
    for (std::size_t i = 0; i < set_names.size(); ++i) {
      if (set_names[i] == name) return static_cast<PromptSet>(i);
    }
    in_.refuse("attribute set is '" + name + "', expected unlabelled, validation or test");
  }

  void text(const std::string& path, std::string Prompt::*field) {
    auto values = sized(path, in_.text(path), pools_.size());
    for (std::size_t i = 0; i < pools_.size(); ++i) pools_[i].prompt.*field = std::move(values[i]);
  }

  void read_samples() {
    const std::size_t n = pools_.empty() ? 0 : pools_[0].samples.size();
    const std::size_t rows = pools_.size() * n;
    const auto number = sized("/samples/number", in_.read<std::int32_t>("/samples/number"), rows);
    auto response = sized("/samples/response", in_.text("/samples/response"), rows);
    const auto likelihood = sized("/samples/log_likelihood", in_.read<double>("/samples/log_likelihood"), rows);
    const auto finished = sized("/samples/finished", in_.read<std::uint8_t>("/samples/finished"), rows);
    const auto values = in_.read<std::int32_t>("/samples/tokens/values");
    const auto offsets = read_offsets(rows, values.size());
    for (std::size_t row = 0; row < rows; ++row) {
      Sample& sample = pools_[row / n].samples[row % n];
      sample.number = number[row];
      sample.response = std::move(response[row]);
      sample.log_likelihood = likelihood[row];
      sample.finished = finished[row] != 0;
      sample.tokens.assign(values.begin() + offsets[row], values.begin() + offsets[row + 1]);
    }
  }

  std::vector<std::int64_t> read_offsets(std::size_t rows, std::size_t values) const {
    const std::string path = "/samples/tokens/offsets";
    auto offsets = sized(path, in_.read<std::int64_t>(path), rows + 1);
    if (offsets.front() != 0) in_.refuse(path + " does not begin at 0");
    for (std::size_t row = 0; row < rows; ++row) {
      if (offsets[row + 1] < offsets[row]) in_.refuse(path + ", row " + std::to_string(row + 1) + ": goes back");
    }
    if (offsets.back() != static_cast<std::int64_t>(values)) {
      in_.refuse(path + " ends at " + std::to_string(offsets.back()) + ", but there are " + std::to_string(values) +
                 " values");
    }
    return offsets;
  }

  Hdf5Reader in_;
  std::vector<Pool> pools_;
};

}  // namespace

std::string_view prompt_set_name(PromptSet set) { return set_names.at(static_cast<std::size_t>(set)); }

std::string pool_file_name(PromptSet set, std::int64_t prompts_file, std::int64_t shard) {
  std::array<char, 48> numbers{};
  std::snprintf(numbers.data(), numbers.size(), "-%05lld-%05lld.h5", static_cast<long long>(prompts_file),
                static_cast<long long>(shard));
  return std::string(prompt_set_name(set)) + numbers.data();
}

FileInfo write_pool(const std::string& path, std::span<const Pool> pools) {
  WESTOFN_CHECK(!pools.empty() && !pools[0].samples.empty(), "a pool file without samples: " + path);
  const std::size_t n = pools[0].samples.size();
  for (const auto& pool : pools) {
    WESTOFN_CHECK(pool.samples.size() == n && pool.prompt.set == pools[0].prompt.set, "unlike pools in one file");
  }
  Hdf5Writer out;
  write_kind(out, filetype);
  out.attribute("/", "set", std::string(prompt_set_name(pools[0].prompt.set)));
  out.attribute("/", "n", static_cast<std::int64_t>(n));
  write_prompts_of(out, pools);
  write_samples(out, pools, n);
  return out.publish(path);
}

std::vector<Pool> read_pool(const std::string& path, const std::optional<FileInfo>& expected) {
  return PoolReader(path, expected).read();
}

std::vector<FileInfo> pool_files(const Manifest& pools, PromptSet set) {
  const std::string prefix = std::string(prompt_set_name(set)) + "-";
  std::vector<FileInfo> files;
  for (const auto& file : pools.files) {
    if (file.name.starts_with(prefix)) files.push_back(file);
  }
  return files;
}

std::vector<Pool> read_pools(const std::string& folder, PromptSet set) {
  std::vector<Pool> all;
  for (const auto& file : pool_files(read_manifest(folder), set)) {
    for (auto& pool : read_pool(folder + "/" + file.name, file)) all.push_back(std::move(pool));
  }
  return all;
}

}  // namespace westofn::io
