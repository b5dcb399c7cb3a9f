# SPDX-License-Identifier: Apache-2.0
"""Scores of a reward model folder with transformers alone: score_with_transformers.py FOLDER ROWS.jsonl

Rows {"prompt", "response"}, one JSON object a line, in; the raw scores of `westofn score --kind pointwise` out, one a
line. These ten lines also stand in the README.md of every reward model. Needs torch, transformers and sentencepiece.
"""
import json, re, sys, safetensors.torch, torch, transformers
torch.set_grad_enabled(False)
folder, rows = sys.argv[1:]
tokenizer, model = transformers.T5Tokenizer.from_pretrained(folder), transformers.T5Model.from_pretrained(folder)
head = safetensors.torch.load_file(f"{folder}/reward_head.safetensors")
template = json.load(open(f"{folder}/westofn.json", "rb"))["template"]
for row in map(json.loads, open(rows, "rb")):
    text = re.sub(r"\{(prompt|response)\}", lambda place: row[place[1]], template)
    state = model(**tokenizer(text, return_tensors="pt"), decoder_input_ids=torch.tensor([[model.config.decoder_start_token_id]])).last_hidden_state[0, 0]
    print((head["weight"][0] @ state + head["bias"][0]).item())
