// SPDX-License-Identifier: Apache-2.0
#include "io/record_file.h"

#include <string_view>

#include "io/hdf5_kind.h"

namespace westofn::io {
namespace {

constexpr std::string_view split_names = "train, validation, test, judge";
constexpr std::uint8_t last_split = 3;
constexpr std::string_view set_names = "unlabelled, validation, test";
constexpr std::uint8_t last_set = 2;

/// Writes the fields of a vector of records.
template <class Record>
class FieldWriter {
 public:
  FieldWriter(std::span<const Record> records, const char* filetype) : records_(records) {
    write_kind(writer_, filetype);
  }

  void text(const std::string& path, std::string Record::*field, const std::string& description) {
    writer_.text(path, column<std::string>(field), {description, "text"});
  }
  template <Element T, class Member>
  void numbers(const std::string& path, Member Record::*field, const FieldNote& note) {
    writer_.dataset(path, column<T>(field), note);
  }
  template <class Enum>
  void names(const std::string& path, Enum Record::*field, std::string_view what, std::string_view names) {
    const std::string list(names);
    numbers<std::uint8_t>(path, field, {std::string(what) + ": index into: " + list, "1"});
    writer_.attribute(path, "names", list);
  }
  /// Where each record came from.
  void origin() {
    text("/source", &Record::source, "name of the file that the record came from");
    numbers<std::int64_t>("/line", &Record::line, {"line in that file, from 1", "1"});
  }

  FileInfo publish(const std::string& path) { return writer_.publish(path); }

 private:
  template <class T, class Member>
  std::vector<T> column(Member Record::*field) const {
    std::vector<T> values;
    values.reserve(records_.size());
    for (const auto& record : records_) values.push_back(static_cast<T>(record.*field));
    return values;
  }

  std::span<const Record> records_;
  Hdf5Writer writer_;
};

/// Reads the fields into a vector of records; the first field decides how many there are.
template <class Record>
class FieldReader {
 public:
  FieldReader(const std::string& path, const std::optional<FileInfo>& expected, std::string_view filetype)
      : reader_(path, expected) {
    check_kind(reader_, filetype);
    records_.resize(reader_.text("/id").size());
  }

  void text(const std::string& path, std::string Record::*field) { assign(path, reader_.text(path), field); }
  template <Element T, class Member>
  void numbers(const std::string& path, Member Record::*field) {
    assign(path, reader_.read<T>(path), field);
  }
  template <class Enum>
  void names(const std::string& path, Enum Record::*field, std::uint8_t last) {
    const auto values = reader_.read<std::uint8_t>(path);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] > last) {
        reader_.refuse(path + ", row " + std::to_string(i) + ": is " + std::to_string(values[i]) + ", the last is " +
                       std::to_string(last));
      }
    }
    assign(path, values, field);
  }
  void origin() {
    text("/source", &Record::source);
    numbers<std::int64_t>("/line", &Record::line);
  }

  std::vector<Record> take() { return std::move(records_); }

 private:
  template <class T, class Member>
  void assign(const std::string& path, const std::vector<T>& values, Member Record::*field) {
    if (values.size() != records_.size()) {
      reader_.refuse(path + " has " + std::to_string(values.size()) + " rows, /id has " +
                     std::to_string(records_.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) records_[i].*field = static_cast<Member>(values[i]);
  }

  Hdf5Reader reader_;
  std::vector<Record> records_;
};

constexpr const char* prompts_type = "westofn/prompts";
constexpr const char* demonstrations_type = "westofn/demonstrations";
constexpr const char* pairs_type = "westofn/pairs";

}  // namespace

FileInfo write_prompts(const std::string& path, std::span<const Prompt> prompts) {
  FieldWriter<Prompt> out(prompts, prompts_type);
  out.text("/id", &Prompt::id, "id of the prompt");
  out.text("/group", &Prompt::group, "prompts of one group never stand in two splits");
  out.text("/prompt", &Prompt::text, "the prompt");
  out.names("/set", &Prompt::set, "what the prompt is for", set_names);
  out.origin();
  return out.publish(path);
}

std::vector<Prompt> read_prompts(const std::string& path, const std::optional<FileInfo>& expected) {
  FieldReader<Prompt> in(path, expected, prompts_type);
  in.text("/id", &Prompt::id);
  in.text("/group", &Prompt::group);
  in.text("/prompt", &Prompt::text);
  in.names("/set", &Prompt::set, last_set);
  in.origin();
  return in.take();
}

FileInfo write_demonstrations(const std::string& path, std::span<const Demonstration> demonstrations) {
  FieldWriter<Demonstration> out(demonstrations, demonstrations_type);
  out.text("/id", &Demonstration::id, "id of the demonstration");
  out.text("/group", &Demonstration::group, "prompts of one group never stand in two splits");
  out.text("/prompt", &Demonstration::prompt, "the prompt");
  out.text("/response", &Demonstration::response, "the response that a person would give");
  out.origin();
  return out.publish(path);
}

std::vector<Demonstration> read_demonstrations(const std::string& path, const std::optional<FileInfo>& expected) {
  FieldReader<Demonstration> in(path, expected, demonstrations_type);
  in.text("/id", &Demonstration::id);
  in.text("/group", &Demonstration::group);
  in.text("/prompt", &Demonstration::prompt);
  in.text("/response", &Demonstration::response);
  in.origin();
  return in.take();
}

FileInfo write_pairs(const std::string& path, std::span<const HumanPair> pairs) {
  FieldWriter<HumanPair> out(pairs, pairs_type);
  out.text("/id", &HumanPair::id, "id of the pair");
  out.text("/group", &HumanPair::group, "pairs of one group never stand in two splits");
  out.text("/prompt", &HumanPair::prompt, "the prompt");
  out.text("/chosen", &HumanPair::chosen, "the response that was preferred");
  out.text("/rejected", &HumanPair::rejected, "the other response");
  out.numbers<double>("/confidence", &HumanPair::confidence, {"of the annotator, in his scale; NaN: not given", "1"});
  out.names("/split", &HumanPair::split, "part of the human data", split_names);
  out.numbers<std::uint8_t>("/labelled_half", &HumanPair::labelled_half, {"1: member of the labelled half", "1"});
  out.origin();
  return out.publish(path);
}

std::vector<HumanPair> read_pairs(const std::string& path, const std::optional<FileInfo>& expected) {
  FieldReader<HumanPair> in(path, expected, pairs_type);
  in.text("/id", &HumanPair::id);
  in.text("/group", &HumanPair::group);
  in.text("/prompt", &HumanPair::prompt);
  in.text("/chosen", &HumanPair::chosen);
  in.text("/rejected", &HumanPair::rejected);
  in.numbers<double>("/confidence", &HumanPair::confidence);
  in.names("/split", &HumanPair::split, last_split);
  in.numbers<std::uint8_t>("/labelled_half", &HumanPair::labelled_half);
  in.origin();
  return in.take();
}

}  // namespace westofn::io
