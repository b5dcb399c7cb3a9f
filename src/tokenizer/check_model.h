// SPDX-License-Identifier: Apache-2.0
// The structure of a SentencePiece file, checked before the library sees it, which trusts what it reads.
#pragma once

#include <string>
#include <string_view>

namespace westofn::tokenizer {

/// Throws DataError that names the file if the bytes are not a whole model: broken protobuf framing, a piece that is
/// empty, has a NUL or is too long (loading recurses over its bytes), a score that is not a number, or a
/// normalisation table that leads outside of itself.
void check_model(std::string_view bytes, const std::string& name);

}  // namespace westofn::tokenizer
