// SPDX-License-Identifier: Apache-2.0
#include "synthesis/generate_file.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "comm/agree.h"
#include "io/jsonl_reader.h"
#include "synthesis/policy.h"
#include "synthesis/row_output.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/hash.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

constexpr std::size_t prompts_at_once = 16;  // fixed: batches, and with them the last bits, depend on it

/// The rows of the input.
struct PromptRows {
  std::vector<Prompt> prompts;
  std::vector<nlohmann::json> ids;  ///< as they were given: strings or integers
};

/// Local. Reads the file; `beat` is called for every row.
PromptRows read_prompt_rows(const std::string& path, const std::function<void()>& beat) {
  PromptRows rows;
  std::map<std::string, std::int64_t> lines;
  io::JsonlReader reader(path);
  while (const auto line = reader.next()) {
    beat();
    const nlohmann::json json = io::parse_row(*line, path);
    const io::TextPlace place{path, line->number};
    const io::JsonValue row(json, place);
    Prompt prompt;
    prompt.text = row.field("prompt").text();
    const auto id = row.find("id");
    prompt.id = id ? id->id() : to_hex(hash128(prompt.text));
    const auto [earlier, is_new] = lines.emplace(prompt.id, line->number);
    if (!is_new) {
      row.fail("the id '" + printable(prompt.id, 60) + "' is that of line " + std::to_string(earlier->second) +
               " too; ids must be unique" + (id ? "" : " (without one it is the hash of the prompt)"));
    }
    rows.ids.push_back(id ? id->json() : nlohmann::json(prompt.id));
    rows.prompts.push_back(std::move(prompt));
  }
  if (rows.prompts.empty()) throw DataError(path + ": no rows; give a file with one JSON object a line");
  return rows;
}

std::string to_lines(const nlohmann::json& id, const std::vector<Sample>& samples) {
  std::string lines;
  for (const Sample& sample : samples) {
    nlohmann::ordered_json row;
    row["id"] = id;
    row["sample"] = sample.number;
    row["response"] = sample.response;
    row["tokens"] = sample.tokens.size();
    row["log_likelihood"] = sample.log_likelihood;
    row["finished"] = sample.finished;
    lines += row.dump() + "\n";
  }
  return lines;
}

/// Collective. Every rank has read the rows by itself: they must have read the same ones.
void refuse_different_rows(comm::Communicator& world, const PromptRows& rows, const std::string& path) {
  std::string keys;
  for (const Prompt& prompt : rows.prompts) keys += prompt.id + "\n" + to_hex(hash128(prompt.text)) + "\n";
  const std::uint64_t hash = hash64(keys);
  const bool same = world.all_reduce(hash, comm::ReduceOp::min) == world.all_reduce(hash, comm::ReduceOp::max);
  comm::agree(world, [&] {
    if (!same && world.rank() == 0)
      throw DataError(path + ": changed while it was read; start again when nobody writes");
  });
}

}  // namespace

void generate_file(app::JobContext& job, const GenerateFileSettings& settings) {
  const PromptRows rows = comm::agree(job.world, [&] {
    fault_point("generate.read");
    if (settings.generation.min_new_tokens > settings.generation.max_new_tokens) {
      throw ConfigError("--min-new-tokens is larger than --max-new-tokens");
    }
    if (job.world.rank() == 0) check_new_file(settings.out);
    return read_prompt_rows(settings.prompts, [&] { job.world.beat(); });
  });
  refuse_different_rows(job.world, rows, settings.prompts);
  const Policy policy = comm::agree(job.world, [&] {
    fault_point("generate.load");
    const model::Placement placement = model::start_runtime(settings.runtime, job.node.rank());
    return Policy(settings.policy, settings.generation, settings.seed, placement);
  });
  const std::size_t portions = (rows.prompts.size() + prompts_at_once - 1) / prompts_at_once;
  write_portions(job, settings.out, portions, [&](std::size_t portion) {
    const std::size_t begin = portion * prompts_at_once;
    const std::size_t count = std::min(prompts_at_once, rows.prompts.size() - begin);
    const auto samples =
        policy.write(std::span(rows.prompts).subspan(begin, count), settings.generation.n, [&] { job.world.beat(); });
    std::string lines;
    for (std::size_t i = 0; i < count; ++i) lines += to_lines(rows.ids[begin + i], samples[i]);
    return lines;
  });
}

}  // namespace westofn::synthesis
