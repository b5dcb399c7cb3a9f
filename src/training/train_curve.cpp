// SPDX-License-Identifier: Apache-2.0
#include "training/train_curve.h"

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "io/hdf5.h"

namespace westofn::training {
namespace {

/// A column of the curve that is a number.
struct Column {
  const char* name;
  double CurvePoint::*member;
  const char* description;
};

constexpr Column columns[] = {
    {"learning_rate", &CurvePoint::learning_rate, "learning rate of the step"},
    {"loss", &CurvePoint::loss, "mean training loss of the step's batch; NaN for the untrained model"},
    {"gradient_norm", &CurvePoint::gradient_norm, "norm of the whole gradient before clipping"},
    {"validation_loss", &CurvePoint::validation_loss, "mean validation loss after the step; NaN: not validated"},
    {"validation_accuracy", &CurvePoint::validation_accuracy,
     "validation accuracy after the step, ties count half; NaN: not validated, or a language model"},
};

}  // namespace

io::FileInfo write_curve(const std::string& path, std::span<const CurvePoint> curve) {
  io::Hdf5Writer writer;
  std::vector<std::int64_t> steps;
  for (const auto& point : curve) steps.push_back(point.step);
  writer.dataset("/step", steps, {"optimizer steps done; 0 is the untrained model", "1"});
  for (const auto& column : columns) {
    std::vector<double> values;
    for (const auto& point : curve) values.push_back(point.*column.member);
    writer.dataset("/" + std::string(column.name), values, {column.description, "1"});
  }
  return writer.publish(path);
}

std::string curve_lines(std::span<const CurvePoint> curve) {
  std::string text;
  for (const auto& point : curve) {
    nlohmann::ordered_json line = {{"step", point.step}};
    for (const auto& column : columns) {
      const double value = point.*column.member;
      if (std::isfinite(value)) {
        line[column.name] = value;
      } else {
        line[column.name] = nullptr;
      }
    }
    text += line.dump() + "\n";
  }
  return text;
}

std::vector<CurvePoint> read_curve(const std::string& path) {
  const io::Hdf5Reader reader(path);
  std::vector<CurvePoint> curve;
  for (const std::int64_t step : reader.read<std::int64_t>("/step")) curve.push_back({.step = step});
  for (const auto& column : columns) {
    const auto values = reader.read<double>("/" + std::string(column.name));
    if (values.size() != curve.size()) reader.refuse("its columns have different lengths");
    for (std::size_t i = 0; i < curve.size(); ++i) curve[i].*column.member = values[i];
  }
  return curve;
}

}  // namespace westofn::training
