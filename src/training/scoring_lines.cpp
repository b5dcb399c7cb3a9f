// SPDX-License-Identifier: Apache-2.0
#include "training/scoring_lines.h"

namespace westofn::training {
namespace {

constexpr std::string_view pointwise = R"py(import json, re, sys, safetensors.torch, torch, transformers
torch.set_grad_enabled(False)
folder, rows = sys.argv[1:]
tokenizer, model = transformers.T5Tokenizer.from_pretrained(folder), transformers.T5Model.from_pretrained(folder)
head = safetensors.torch.load_file(f"{folder}/reward_head.safetensors")
template = json.load(open(f"{folder}/westofn.json", "rb"))["template"]
for row in map(json.loads, open(rows, "rb")):
    text = re.sub(r"\{(prompt|response)\}", lambda place: row[place[1]], template)
    state = model(**tokenizer(text, return_tensors="pt"), decoder_input_ids=torch.tensor([[model.config.decoder_start_token_id]])).last_hidden_state[0, 0]
    print((head["weight"][0] @ state + head["bias"][0]).item())
)py";

constexpr std::string_view pairwise = R"py(import json, re, sys, torch, transformers
torch.set_grad_enabled(False)
folder, rows = sys.argv[1:]
tokenizer, model = transformers.T5Tokenizer.from_pretrained(folder), transformers.T5ForConditionalGeneration.from_pretrained(folder)
asked, start = json.load(open(f"{folder}/westofn.json", "rb")), torch.tensor([[model.config.decoder_start_token_id]])
labels = [tokenizer(label).input_ids[0] for label in asked["labels"]]
def first_is_better(row):
    text = re.sub(r"\{(prompt|a|b)\}", lambda place: row[place[1]], asked["template"])
    return model(**tokenizer(text, return_tensors="pt"), decoder_input_ids=start).logits[0, 0, labels].softmax(0)[0].item()
for row in map(json.loads, open(rows, "rb")):
    print((first_is_better(row) + 1 - first_is_better(row | {"a": row["b"], "b": row["a"]})) / 2)
)py";

constexpr std::string_view likelihood = R"py(import json, sys, torch, transformers
torch.set_grad_enabled(False)
folder, rows = sys.argv[1:]
tokenizer, model = transformers.T5Tokenizer.from_pretrained(folder), transformers.T5ForConditionalGeneration.from_pretrained(folder)
for row in map(json.loads, open(rows, "rb")):
    target = tokenizer(row["response"], return_tensors="pt").input_ids
    logits = model(**tokenizer(row["prompt"], return_tensors="pt"), labels=target).logits
    print(logits[0].log_softmax(-1).gather(1, target.T).sum().item())
)py";

}  // namespace

std::string_view scoring_lines(scoring::ScoreKind kind) {
  switch (kind) {
    case scoring::ScoreKind::pointwise: return pointwise;
    case scoring::ScoreKind::pairwise: return pairwise;
    case scoring::ScoreKind::likelihood: break;
  }
  return likelihood;
}

}  // namespace westofn::training
