// SPDX-License-Identifier: Apache-2.0
#include "preparation/prepare.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "app/progress.h"
#include "comm/agree.h"
#include "comm/typed.h"
#include "config/types.h"
#include "io/durable_file.h"
#include "io/record_file.h"
#include "preparation/balance.h"
#include "preparation/blocks.h"
#include "preparation/decide.h"
#include "preparation/sources.h"
#include "util/fault.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::preparation {
namespace {

constexpr int decisions_tag = 1;
constexpr const char* changing_input =
    "an input file changed while it was read; wait until nobody writes to the input files, then start again";

/// Which files a block has, in a form that can be broadcast.
struct BlockFiles {
  std::uint8_t pairs = 0;
  std::uint8_t prompts = 0;
  std::uint8_t demonstrations = 0;
};

/// What rank 0 has decided.
struct Plan {
  std::vector<Decision> decisions;             ///< of all rows, in the order of the input; rank 0 only
  std::vector<BlockFiles> files;               ///< per block, on all ranks
  std::map<std::string, std::int64_t> counts;  ///< rank 0 only
  std::string balance_json;                    ///< rank 0 only
};

std::string file_name(const char* kind, std::size_t block) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "%s-%05zu.h5", kind, block);
  return name.data();
}

/// The stage, with what all its steps share.
class Preparation {
 public:
  Preparation(app::StageRun& stage, const PrepareInputs& inputs, std::uint64_t seed)
      : stage_(stage),
        world_(stage.job().world),
        inputs_(inputs),
        settings_(inputs.settings),
        seed_(seed),
        sources_(list_sources(inputs.settings)) {}

  app::StageOutput run() {
    Plan plan = decide_all(import_keys());
    const std::vector<app::Shard> shards = list_shards(plan);
    const std::vector<int> owners = stage_.deal(shards);
    const std::vector<Decision> mine = send_decisions(owners, plan.decisions);
    plan.decisions = {};  // of all rows: not needed while the files are written
    write_blocks(owners, mine);
    comm::agree(world_, [&] {
      fault_point("prepare.balance");
      if (world_.rank() != 0) return;
      refuse_changed_files();
      stage_.note_file(io::write_durable(stage_.folder() + "/balance.json", plan.balance_json));
    });
    app::StageOutput output{{"balance.json"}, plan.counts};
    for (const auto& shard : shards) output.files.insert(output.files.end(), shard.files.begin(), shard.files.end());
    return output;
  }

 private:
  /// Collective. The keys of all rows on rank 0, in the order of the input; elsewhere empty.
  std::vector<RowKey> import_keys() {
    const auto size = static_cast<std::size_t>(world_.size());
    const auto rank = static_cast<std::size_t>(world_.rank());
    std::vector<RowKey> mine;
    io::SkippedRecords skipped;
    app::Progress progress(world_, {stage_.name(), "rows read", 0, stage_.heartbeat_path()});
    std::int64_t lines = 0;
    comm::agree(world_, [&] {
      fault_point("prepare.import");
      blocks_ = walk_blocks(
          sources_, settings_.rows_per_file, [&](std::size_t block) { return block % size == rank; },
          [&](std::size_t from, const io::Line& line) {
            mine.push_back(read_row(sources_, from, line, settings_.on_bad_record, skipped).key);
          },
          [&] {
            stage_.beat();
            stage_.stop_if_signalled();
            progress.update(++lines);
          });
    });
    progress.finish("running");
    for (const auto& record : skipped.first) log_warning("skipped: " + record.reason);
    refuse_changing_input();
    fault_point("prepare.gather");
    std::vector<RowKey> all = world_.gather_variable(mine, 0).values;
    std::sort(all.begin(), all.end(), [](const RowKey& a, const RowKey& b) {
      return a.source != b.source ? a.source < b.source : a.line < b.line;
    });
    return all;
  }

  /// Collective. Rank 0 decides, and all ranks learn which files there will be.
  Plan decide_all(const std::vector<RowKey>& keys) {
    Plan plan;
    plan.files.resize(blocks_.size());
    comm::agree(world_, [&] {
      fault_point("prepare.decide");
      if (world_.rank() != 0) return;
      Decisions decisions = decide(keys, settings_, seed_);
      refuse_overlaps(keys, decisions);
      refuse_repeated_ids(keys, decisions);
      const Balance balance = make_balance(sources_, keys, decisions.rows);
      refuse_wrong_formats(balance);
      plan.counts = manifest_counts(balance);
      plan.balance_json = to_json(balance);
      plan.decisions = std::move(decisions.rows);
      note_files(keys, plan);
    });
    world_.broadcast(plan.files, 0);
    return plan;
  }

  /// Collective. Every rank has counted the rows by itself: they must have seen the same files.
  void refuse_changing_input() {
    std::string shape;
    for (const auto& block : blocks_) shape += std::to_string(block.source) + ":" + std::to_string(block.rows) + " ";
    const std::uint64_t hash = hash64(shape);
    const bool same = world_.all_reduce(hash, comm::ReduceOp::min) == world_.all_reduce(hash, comm::ReduceOp::max);
    comm::agree(world_, [&] {
      if (!same && world_.rank() == 0) throw DataError(changing_input);
    });
  }

  void note_files(const std::vector<RowKey>& keys, Plan& plan) const {
    std::size_t row = 0;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      for (std::int64_t i = 0; i < blocks_[block].rows; ++i, ++row) {
        const Decision& decision = plan.decisions[row];
        if (decision.outcome != Outcome::kept) continue;
        const RowKind kind = keys[row].kind;
        if (kind == RowKind::pair) plan.files[block].pairs = 1;
        if (kind == RowKind::prompt || decision.lends_prompt != 0) plan.files[block].prompts = 1;
        if (kind == RowKind::demonstration || decision.is_demonstration != 0) plan.files[block].demonstrations = 1;
      }
    }
  }

  [[nodiscard]] std::vector<app::Shard> list_shards(const Plan& plan) const {
    std::vector<app::Shard> shards(blocks_.size());
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      shards[block].cost = static_cast<double>(blocks_[block].rows);
      const BlockFiles& files = plan.files[block];
      if (files.pairs != 0) shards[block].files.push_back(file_name("pairs", block));
      if (files.prompts != 0) shards[block].files.push_back(file_name("prompts", block));
      if (files.demonstrations != 0) shards[block].files.push_back(file_name("demonstrations", block));
    }
    return shards;
  }

  /// Collective. The decisions for the blocks of this rank, one block after the other.
  std::vector<Decision> send_decisions(const std::vector<int>& owners, const std::vector<Decision>& all) {
    std::vector<Decision> mine;
    std::size_t row = 0;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      const auto rows = static_cast<std::size_t>(blocks_[block].rows);
      const std::size_t begin = row;
      row += rows;
      if (owners[block] == world_.rank()) {
        mine.resize(mine.size() + rows);
        const auto target = std::span(mine).last(rows);
        if (world_.rank() == 0) {
          std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(begin), rows, target.begin());
        } else {
          world_.receive(target, 0, decisions_tag);
        }
      } else if (world_.rank() == 0 && owners[block] > 0) {
        world_.send(std::span(all).subspan(begin, rows), owners[block], decisions_tag);
      }
    }
    return mine;
  }

  /// Collective. Every rank parses its blocks once more and writes their files.
  void write_blocks(const std::vector<int>& owners, const std::vector<Decision>& decisions) {
    BlockReader reader(sources_, blocks_);
    auto decision = decisions.begin();
    io::SkippedRecords reported_before;
    stage_.make_shards(owners, [&](std::size_t block) {
      std::vector<HumanPair> pairs;
      std::vector<Prompt> prompts;
      std::vector<Demonstration> demonstrations;
      reader.read(block, [&](std::size_t source, const io::Line& line) {
        stage_.beat();
        const Decision& d = *decision++;
        if (d.outcome != Outcome::kept) return;
        Row row = read_row(sources_, source, line, settings_.on_bad_record, reported_before);
        if (row.key.outcome != Outcome::kept) throw DataError(changing_input);
        if (auto* prompt = std::get_if<Prompt>(&row.record); row.key.kind == RowKind::prompt) {
          prompts.push_back(std::move(*prompt));
        } else if (auto* shown = std::get_if<Demonstration>(&row.record); row.key.kind == RowKind::demonstration) {
          demonstrations.push_back(std::move(*shown));
        } else {
          take_pair(std::get<HumanPair>(std::move(row.record)), d, pairs, prompts, demonstrations);
        }
      });
      fault_point("prepare.write");
      const std::string folder = stage_.folder() + "/";
      if (!pairs.empty()) stage_.note_file(io::write_pairs(folder + file_name("pairs", block), pairs));
      if (!prompts.empty()) stage_.note_file(io::write_prompts(folder + file_name("prompts", block), prompts));
      if (!demonstrations.empty()) {
        stage_.note_file(io::write_demonstrations(folder + file_name("demonstrations", block), demonstrations));
      }
    });
  }

  static void take_pair(HumanPair pair, const Decision& d, std::vector<HumanPair>& pairs, std::vector<Prompt>& prompts,
                        std::vector<Demonstration>& demonstrations) {
    pair.split = d.split;
    pair.labelled_half = d.labelled_half != 0;
    if (d.lends_prompt != 0) {
      const auto set = static_cast<PromptSet>(d.lends_prompt - 1);
      prompts.push_back({to_hex(hash128(pair.prompt)), pair.group, pair.prompt, set, pair.source, pair.line});
    }
    if (d.is_demonstration != 0) {
      demonstrations.push_back({to_hex(hash_fields({pair.prompt, pair.chosen})), pair.group, pair.prompt, pair.chosen,
                                pair.source, pair.line});
    }
    pairs.push_back(std::move(pair));
  }

  /// "pairs.jsonl:17 (id 'x17')"; reads the file again, for messages only.
  [[nodiscard]] std::string describe_row(const RowKey& key) const {
    std::string id;
    io::SkippedRecords ignored;
    io::JsonlReader reader(sources_[key.source].path);
    while (const auto line = reader.next()) {
      stage_.beat();
      if (line->number < key.line) continue;
      const Row row = read_row(sources_, key.source, *line, io::OnBadRecord::skip, ignored);
      id = std::visit([](const auto& record) { return record.id; }, row.record);
      break;
    }
    return sources_[key.source].path + ":" + std::to_string(key.line) + " (id '" + printable(id, 60) + "')";
  }

  void refuse_overlaps(const std::vector<RowKey>& keys, const Decisions& decisions) const {
    if (decisions.overlaps.empty()) return;
    std::string message = std::to_string(decisions.overlaps.size()) + " rows belong to a group that another split has:";
    for (std::size_t i = 0; i < std::min<std::size_t>(5, decisions.overlaps.size()); ++i) {
      const Overlap& overlap = decisions.overlaps[i];
      message += "\n  " + describe_row(keys[overlap.row]) + " and " + describe_row(keys[overlap.other]);
    }
    throw DataError(message +
                    "\nRemove them from one of the files, or set data.on_overlap: drop to keep the rows of test "
                    "before judge before validation before train.");
  }

  /// Rows that all lack a prompt are of another format than the settings say.
  void refuse_wrong_formats(const Balance& balance) const {
    for (std::size_t i = 0; i < balance.files.size(); ++i) {
      const Balance::File& file = balance.files[i];
      const auto reason = Outcome::no_common_prompt;
      if (file.rows == 0 || file.outcomes[static_cast<std::size_t>(reason)] != file.rows) continue;
      throw DataError(sources_[i].path + ": none of its " + std::to_string(file.rows) +
                      " rows can be used: " + std::string(to_string(reason)) + "; is its format really '" +
                      std::string(config::enum_name(sources_[i].format)) + "'? (data.pairs, key `format`)");
    }
  }

  void refuse_repeated_ids(const std::vector<RowKey>& keys, const Decisions& decisions) const {
    if (decisions.same_ids.empty()) return;
    const Overlap& first = decisions.same_ids.front();
    throw DataError(describe_row(keys[first.row]) + ": the id is used by another row already, at " +
                    describe_row(keys[first.other]) + "; ids must be unique (" +
                    std::to_string(decisions.same_ids.size()) + " such rows)");
  }

  /// Rank 0, at the end: the files are still those that were looked at before.
  void refuse_changed_files() const {
    if (look_at(sources_) != inputs_.seen) throw DataError(changing_input);
  }

  app::StageRun& stage_;
  comm::Communicator& world_;
  const PrepareInputs& inputs_;
  const DataSettings& settings_;
  std::uint64_t seed_;
  std::vector<Source> sources_;
  std::vector<Block> blocks_;
};

}  // namespace

io::Manifest prepare(app::JobContext& job, const app::RunFolder& run, const PrepareInputs& inputs, std::uint64_t seed) {
  PrepareInputs ready = inputs;
  if (inputs.world) {
    make_world(job, run, *inputs.world);
    ready.seen = comm::agree(job.world, [&] { return look_at(list_sources(ready.settings)); });
  }
  return app::run_stage(job, run, inputs.spec,
                        [&](app::StageRun& stage) { return Preparation(stage, ready, seed).run(); });
}

}  // namespace westofn::preparation
