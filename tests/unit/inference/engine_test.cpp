// SPDX-License-Identifier: Apache-2.0
// The engine on both backends against a plain T5 in loops over float64.
#include "inference/engine.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "inference/decoder.h"
#include "support/plain_t5.h"
#include "support/small_models.h"
#include "support/temporary_folder.h"

namespace westofn::inference {
namespace {

using testing::gated_config;
using testing::mixed_sources;
using testing::PlainT5;
using testing::tied_config;
using tokenizer::Tokens;

/// A kind of model, on one of the backends, in one type.
struct Case {
  std::string name;
  model::T5Config config;
  Choice choice = Choice::automatic;
  at::ScalarType dtype = at::kFloat;
};

std::vector<Case> all_cases() {
  return {{"GatedKernels", gated_config()},
          {"TiedKernels", tied_config()},
          {"GatedTensors", gated_config(), Choice::tensors},
          {"TiedTensors", tied_config(), Choice::tensors},
          {"GatedFloat64", gated_config(), Choice::automatic, at::kDouble}};
}

std::vector<Tokens> some_targets() { return {{6, 7, 2, 9, 21, 3, 3, 14, 15, 16, 1}, {1}, {3, 3, 5, 17, 1}}; }

class EveryEngine : public ::testing::TestWithParam<Case> {
 protected:
  model::T5 t5 = model::T5::random(GetParam().config, 3, {at::kCPU, GetParam().dtype});
  Engine engine{t5, t5.placement(), GetParam().choice};
  PlainT5 plain{t5};
  double tolerance = GetParam().dtype == at::kDouble ? 1e-10 : 3e-5;

  /// Row i of a tensor against numbers.
  void expect_row(const at::Tensor& rows, std::int64_t i, const PlainT5::Row& expected) const {
    const at::Tensor row = rows[i].to(at::kDouble).contiguous();
    ASSERT_EQ(row.numel(), std::ssize(expected));
    for (std::size_t k = 0; k < expected.size(); ++k) {
      ASSERT_NEAR(row.const_data_ptr<double>()[k], expected[k], tolerance * (1 + std::abs(expected[k]))) << "row " << i;
    }
  }

  [[nodiscard]] Tokens read_by_decoder(const Tokens& target) const {
    Tokens inputs = {static_cast<tokenizer::TokenId>(t5.config().decoder_start_token_id)};
    inputs.insert(inputs.end(), target.begin(), target.end() - 1);
    return inputs;
  }
};
INSTANTIATE_TEST_SUITE_P(T5, EveryEngine, ::testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(EveryEngine, EncodesAsThePlainModel) {
  const auto sources = mixed_sources();
  const Source source = engine.encode(sources);
  for (std::size_t b = 0; b < sources.size(); ++b) {
    const auto expected = plain.encode(sources[b]);
    for (std::size_t s = 0; s < sources[b].size(); ++s) {
      expect_row(source.hidden_MD, source.layout.begins[b] + static_cast<std::int64_t>(s), expected[s]);
    }
  }
}

TEST_P(EveryEngine, TakesTheFirstStepWithoutProjectingTheSource) {
  const auto sources = mixed_sources();
  const at::Tensor states = engine.first_states(engine.encode(sources));
  const at::Tensor logits = engine.logits(states);
  const at::Tensor some = engine.logits_of(states, std::vector<tokenizer::TokenId>{7, 2});
  for (std::size_t b = 0; b < sources.size(); ++b) {
    const auto state = plain.decode(plain.encode(sources[b]), read_by_decoder({1}));
    const auto expected = plain.logits(state).front();
    expect_row(states, static_cast<std::int64_t>(b), state.front());
    expect_row(logits, static_cast<std::int64_t>(b), expected);
    expect_row(some, static_cast<std::int64_t>(b), {expected[7], expected[2]});
  }
}

TEST_P(EveryEngine, SumsTheLogSoftmaxOfTargets) {
  const auto sources = mixed_sources();
  const auto targets = some_targets();
  const auto found = engine.log_likelihoods(engine.encode(sources), targets);
  for (std::size_t b = 0; b < sources.size(); ++b) {
    const auto logits = plain.logits(plain.decode(plain.encode(sources[b]), read_by_decoder(targets[b])));
    double expected = 0;
    for (std::size_t t = 0; t < targets[b].size(); ++t) {
      double total = 0;
      for (const double logit : logits[t]) total += std::exp(logit);
      expected += logits[t][static_cast<std::size_t>(targets[b][t])] - std::log(total);
    }
    EXPECT_NEAR(found[b], expected, tolerance * static_cast<double>(targets[b].size()));
  }
}

TEST_P(EveryEngine, DecodesRowsAtPositionsOfTheirOwn) {
  // Three prompts with one, two and two rows; the second row of a prompt lags one position behind, so that the same
  // step has rows at different positions, as when samples are admitted while others are being written.
  const auto sources = mixed_sources();
  const std::vector<Tokens> targets = {{6, 7, 2, 9, 21, 3}, {5, 5, 4, 8, 2, 11}, {12, 13, 14, 15, 16, 17}};
  Decoder decoder(engine, {5, 3, 2, 26, 7});
  decoder.put_sources(sources, std::vector<std::int64_t>{2, 0, 1});
  const std::vector<std::int64_t> place_of = {2, 0, 1};
  struct Written {
    std::size_t prompt;
    std::int64_t lag;
  };
  // In the order of places, as the kernels want it; the slots in their order, as the tensors want it.
  const std::vector<Written> written = {{1, 0}, {1, 1}, {2, 0}, {2, 1}, {0, 0}};
  for (std::int64_t step = 0; step < 7; ++step) {
    std::vector<DecoderRow> rows;
    for (std::size_t r = 0; r < written.size(); ++r) {
      const std::int64_t position = std::max<std::int64_t>(0, step - written[r].lag);
      const auto inputs = read_by_decoder([&] {
        Tokens padded = targets[written[r].prompt];
        padded.push_back(1);
        return padded;
      }());
      rows.push_back({inputs[static_cast<std::size_t>(position)], static_cast<std::int64_t>(r),
                      place_of[written[r].prompt], position, true});
    }
    const at::Tensor states = decoder.step(rows);
    for (std::size_t r = 0; r < written.size(); ++r) {
      const std::size_t prompt = written[r].prompt;
      Tokens padded = targets[prompt];
      padded.push_back(1);
      const auto expected = plain.decode(plain.encode(sources[prompt]), read_by_decoder(padded));
      expect_row(states, static_cast<std::int64_t>(r), expected[static_cast<std::size_t>(rows[r].position)]);
    }
  }
}

TEST_P(EveryEngine, ForgetsWhatSlotsAndPlacesHeldBefore) {
  const auto sources = mixed_sources();
  Decoder decoder(engine, {2, 2, 2, 26, 4});
  const auto step_at = [&](std::int64_t place, std::int64_t position) {
    return decoder.step(std::vector<DecoderRow>{{4, 0, place, position, true}, {9, 1, place, position, true}});
  };
  decoder.put_sources(std::span(sources).first(2), std::vector<std::int64_t>{0, 1});
  const at::Tensor before = step_at(0, 0).clone();
  for (std::int64_t position = 1; position < 4; ++position) (void)step_at(1, position);
  decoder.put_sources(std::span(sources).subspan(2, 1), std::vector<std::int64_t>{1});
  decoder.put_sources(std::span(sources).first(1), std::vector<std::int64_t>{0});
  EXPECT_TRUE(at::equal(step_at(0, 0), before));
  const auto expected = plain.decode(plain.encode(sources[2]), {4});
  expect_row(step_at(1, 0), 0, expected.front());
}

TEST_P(EveryEngine, GivesASequenceTheSameStatesAloneAndInABatch) {
  const auto sources = mixed_sources();
  const at::Tensor together = engine.first_states(engine.encode(sources));
  for (std::size_t b = 0; b < sources.size(); ++b) {
    const at::Tensor alone = engine.first_states(engine.encode(std::span(sources).subspan(b, 1)));
    const auto row = static_cast<std::int64_t>(b);
    if (engine.backend().ended_rows() == EndedRows::leave_at_once) {
      EXPECT_TRUE(at::equal(alone[0], together[row])) << "our kernels: bit for bit";
    } else {
      EXPECT_LT(testing::largest_difference(alone[0], together[row]), 1e-5);
    }
  }
}

TEST(Engine, ReadsAFolderWithoutCopyingItAndGivesTheSame) {
  const testing::TemporaryFolder folder;
  const model::T5 t5 = model::T5::random(gated_config(), 3, {});
  (void)model::save_t5(folder.path().string(), t5, {}, "");
  const auto sources = mixed_sources();
  const Engine direct(t5);
  const Engine mapped = Engine::load(folder.path().string(), {});
  EXPECT_TRUE(at::equal(mapped.logits(mapped.first_states(mapped.encode(sources))),
                        direct.logits(direct.first_states(direct.encode(sources)))));
  EXPECT_EQ(mapped.log_likelihoods(mapped.encode(sources), some_targets()),
            direct.log_likelihoods(direct.encode(sources), some_targets()));
}

TEST(Engine, StaysCloseToFloat32InBfloat16) {
  const auto sources = mixed_sources();
  for (const auto& config : {gated_config(), tied_config()}) {
    const model::T5 t5 = model::T5::random(config, 3, {});
    const Engine exact(t5);
    const at::Tensor expected = exact.logits(exact.first_states(exact.encode(sources)));
    for (const Choice choice : {Choice::automatic, Choice::tensors}) {
      const Engine narrow(t5, {at::kCPU, at::kBFloat16}, choice);
      const at::Tensor found = narrow.logits(narrow.first_states(narrow.encode(sources)));
      EXPECT_EQ(found.scalar_type(), at::kFloat);
      const double scale = expected.abs().max().item<double>();
      EXPECT_LT(testing::largest_difference(found, expected), 0.1 * scale);
      EXPECT_GT(testing::largest_difference(found, expected), 0) << "the weights were rounded";
    }
  }
}

}  // namespace
}  // namespace westofn::inference
