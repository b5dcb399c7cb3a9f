// SPDX-License-Identifier: Apache-2.0
// The estimate for people.
#include <cmath>

#include "chain/estimate/estimate.h"
#include "chain/estimate/numbers.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

std::string bytes(double count) { return count == 0 ? "" : with_prefix(count, "B"); }

class Report {
 public:
  explicit Report(const Estimate& estimate) : e_(estimate) {}

  std::string text() {
    return head() + "\n" + models() + "\n" + data() + "\n" + training() + "\n" + inference() + "\n" + work() + "\n" +
           disk() + "\n" + notes();
  }

 private:
  std::string head() const {
    const bool on_gpu = is_on_gpu(e_.runtime);
    return "Estimate of the experiment '" + printable(e_.name) + "' on " + with_commas(e_.options.ranks) +
           (e_.options.ranks == 1 ? " rank" : " ranks") + ", " + std::string(config::enum_name(e_.runtime.dtype)) +
           ", " + (on_gpu ? "one GPU a rank" : "on CPUs") +
           "\nGB = 10^9 bytes; FLOP = floating-point operations of matrix products\n";
  }

  std::string models() const {
    Table table({"weights", "encoder", "decoder", "embedding", "head", "together", "float32", "bfloat16", "used by"});
    const auto number = [](std::int64_t count) { return with_prefix(static_cast<double>(count), ""); };
    for (const ModelUse& model : e_.models) {
      const WeightCounts weights = count_weights(model.config);
      const auto total = static_cast<double>(weights.total());
      table.add({printable(model.name), number(weights.encoder), number(weights.decoder), number(weights.embedding),
                 weights.head == 0 ? "tied" : number(weights.head), number(weights.total()), bytes(4 * total),
                 bytes(2 * total), printable(join_text(split_text(model.phases, ','), ", "), 60)});
    }
    return "Models\n" + table.text();
  }

  std::string data() const {
    const DataSize& d = e_.data;
    Table rows({"rows", "unlabelled", "validation", "test", "train (HF50)", "train (HF100)"});
    rows.add({"prompts", with_commas(d.unlabelled_prompts), with_commas(d.validation_prompts),
              with_commas(d.test_prompts), "", ""});
    rows.add({"pairs", "", with_commas(d.validation_pairs), with_commas(d.test_pairs), with_commas(d.labelled_pairs),
              with_commas(d.training_pairs)});
    return "Data\n" + rows.text() + "  counted from " + d.rows_from + "\n  mean tokens: prompt " +
           with_prefix(e_.lengths.prompt, "") + ", response that is written " + with_prefix(e_.lengths.written, "") +
           ", shown " + with_prefix(e_.lengths.shown, "") + "; from " + d.lengths_from + "\n";
  }

  /// "yes, up to 84" and the like; empty if no device was given.
  std::string verdict(const Phase& phase) const {
    if (!e_.options.memory_bytes) return "";
    if (phase.fitting.fits < 1) return "no, not even 1";
    const bool fits = phase.memory->peak <= *e_.options.memory_bytes;
    return (fits ? "yes, up to " : "NO, at most ") + with_commas(phase.fitting.fits);
  }
  std::string fits_head() const {
    return "fits " + (e_.options.memory_bytes ? with_prefix(*e_.options.memory_bytes, "B") : "");
  }

  std::string training() const {
    Table table({"phase", "weights", "masters", "optimizer", "gradients", "gradient sums", "activations", "peak",
                 "host memory", "micro-batch", fits_head()});
    for (const Phase& phase : e_.phases) {
      if (!phase.memory || phase.memory->masters == 0) continue;
      const PhaseMemory& m = *phase.memory;
      table.add({printable(phase.name), bytes(m.weights), bytes(m.masters), bytes(m.optimizer), bytes(m.gradients),
                 bytes(m.sums), bytes(m.activations), bytes(m.peak), bytes(m.host), with_commas(phase.fitting.at_once),
                 verdict(phase)});
    }
    return "Memory of a rank that trains (inputs as long as their limits)\n" + table.text();
  }

  std::string inference() const {
    Table table(
        {"phase", "weights", "activations", "cross K/V", "self K/V", "logits", "peak", "at once", "", fits_head()});
    for (const Phase& phase : e_.phases) {
      if (!phase.memory || phase.memory->masters != 0) continue;
      const PhaseMemory& m = *phase.memory;
      table.add({printable(phase.name), bytes(m.weights), bytes(m.activations), bytes(m.cross_cache),
                 bytes(m.self_cache), bytes(m.logits), bytes(m.peak), with_commas(phase.fitting.at_once),
                 phase.fitting.unit, verdict(phase)});
    }
    return "Memory of a rank that writes or scores (likewise)\n" + table.text();
  }

  std::string work() const {
    Table table({"phase", "makes", "", "tokens read", "written", "operations", "share", "ranks busy", "wall time",
                 e_.options.ranks > 1 ? "rank-hours" : ""});
    const double total = e_.total_operations();
    for (const Phase& phase : e_.phases) {
      const PhaseWork& w = phase.work;
      if (w.operations == 0) continue;
      std::string share = with_prefix(100 * w.operations / total, "%");
      table.add({printable(phase.name), with_commas(w.units), phase.unit, with_prefix(w.tokens_read, ""),
                 w.tokens_written == 0 ? "" : with_prefix(w.tokens_written, ""), with_prefix(w.operations, "FLOP"),
                 share, with_prefix(w.busy_ranks, ""), phase.hours ? as_hours(*phase.hours) : "",
                 phase.hours ? with_prefix(*phase.hours * e_.options.ranks, "") : ""});
    }
    const auto hours = e_.total_hours();
    table.add({"together", "", "", "", "", with_prefix(total, "FLOP"), "", "", hours ? as_hours(*hours) : "",
               hours ? with_prefix(*hours * e_.options.ranks, "") : ""});
    return "Work\n" + table.text() + jobs() + messages();
  }

  std::string jobs() const {
    const auto hours = e_.total_hours();
    if (!hours) {
      return "  hours: give --tflops of a rank (with it, --tokens-per-second is the speed of writing)\n";
    }
    if (!e_.options.hours_per_job) return "";
    return "  jobs of " + as_hours(*e_.options.hours_per_job) + ": " +
           with_commas(std::ceil(*hours / *e_.options.hours_per_job)) + ", one after the other\n";
  }

  std::string messages() const {
    double most = 0;
    for (const Phase& phase : e_.phases) most = std::max(most, phase.work.exchanged_bytes);
    if (most == 0) return "";
    std::string text = "  each rank sends and receives, all steps together:";
    for (const Phase& phase : e_.phases) {
      if (phase.work.exchanged_bytes > 0) {
        text += " " + printable(phase.name) + " " + bytes(phase.work.exchanged_bytes) + ",";
      }
    }
    text.pop_back();
    return text + (e_.options.bytes_per_second ? " (in the wall time)" : " (not in the wall time: give --bandwidth)") +
           "\n";
  }

  std::string disk() const {
    Table table({"stage", "stays", "while it works"});
    for (const Phase& phase : e_.phases) {
      table.add({printable(phase.name), bytes(phase.disk), bytes(phase.disk_temporary)});
    }
    table.add({"together", bytes(e_.total_disk()), bytes(e_.temporary_disk())});
    return "Disk, before compression\n" + table.text();
  }

  std::string notes() const {
    std::string text =
        "What these numbers are\n"
        "  memory   upper bounds of the tensors: every row as long as its limit, attention that keeps its\n"
        "           probabilities. Allocator, CUDA and MPI come on top: leave them 5 to 10 GB of a GPU in --memory.\n"
        "           Gradients go to the owners of whole tensors in buckets of 32 MiB, who keep their sums in float32.\n"
        "           Activations are those of a pass that keeps all attention weights; ours computes them again and\n"
        "           keeps less, and with runtime.activation_checkpointing only the input of every block.\n"
        "  work     matrix products at mean lengths without padding; every pool with N different responses; sampling,\n"
        "           norms, softmax, reading and writing files, and the start of a job are left out.\n"
        "  disk     from the file formats; how much compression saves depends on the texts and is not counted.\n";
    if (is_on_gpu(e_.runtime) && e_.runtime.device == model::DeviceChoice::automatic) {
      text += "  device   runtime.device is auto: taken for a GPU; --set runtime.device=cpu otherwise.\n";
    }
    for (const Phase& phase : e_.phases) {
      const bool trains = phase.memory && phase.memory->sums != 0;
      if (!trains || phase.work.operations == 0 || phase.work.busy_ranks > 0.75 * e_.options.ranks) continue;
      text += "  warning  " + printable(phase.name) + ": its batch has micro-batches for " +
              with_prefix(phase.work.busy_ranks, "") + " of " + with_commas(e_.options.ranks) + " ranks; " +
              (e_.runtime.micro_batch > 1 ? "a smaller runtime.micro_batch" : "a larger batch") +
              " or fewer ranks waste less.\n";
    }
    return text;
  }

  const Estimate& e_;
};

}  // namespace

std::string to_text(const Estimate& estimate) { return Report(estimate).text(); }

}  // namespace westofn::chain
