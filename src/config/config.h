// SPDX-License-Identifier: Apache-2.0
// YAML to typed structs and back: what a job includes. A library that only declares settings needs config/types.h.
//
//   Document document = load_document("demo.yaml", {"seed=2"});
//   auto experiment = read<Experiment>(document);     every error with file, line, key and the nearest known key
//   std::string resolved = to_yaml(experiment);       all keys, defaults included
//   std::string reference = describe_fields<Experiment>();
#pragma once

#include "config/describe.h"      // IWYU pragma: export
#include "config/document.h"      // IWYU pragma: export
#include "config/field_reader.h"  // IWYU pragma: export
#include "config/field_writer.h"  // IWYU pragma: export
#include "config/types.h"         // IWYU pragma: export
