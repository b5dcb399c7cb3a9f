#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tokenizer against transformers and sentencepiece: one trained here, and the one of the toy base model.

tokenizer_parity.py TOKENIZE TOY_BASE_MODEL   ends with 1 if a text gives other ids, or ids another text
"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import sentencepiece  # noqa: E402
from transformers import T5Tokenizer  # noqa: E402

TOKENIZE, TOY = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
WORDS = ("the a dog cat barked yelled internationalisation and müde naïve straße日 日本語 🙂 ok what worse roommates sat "
         "mats nine-teen don't (well) 3.14 1,000 e.g. U.S. http://x.org/y?z=1 ﬁne ① ｆｕｌｌ é e\u0301 \u00a0 \u200b x\u3000y").split(" ")
ODD = ["", " ", "  ", "\t", "a\nb", "  two  blanks  ", "A", "B", " A", "A B", "[CONTEXT] x [RESPONSE A] y [RESPONSE B] z",
       "unknown Жук Жук the Жук", "<extra_id_0>", "the <extra_id_1> dog <extra_id_99>", "x<extra_id_5>y", "<extra_id_100>",
       "<extra_id_7", "<extra_id_1><extra_id_2>", "🙂🙂🙂", "ЖЩ"]


def make_texts(seed, words, count):
    rng = random.Random(seed)
    return [rng.choice([" ", " ", " ", "\n", "  "]).join(rng.choices(words, k=rng.randint(1, 40))) for _ in range(count)]


def tokenize(*arguments, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([TOKENIZE, *map(str, arguments)], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(folder, vocab_size, texts):
    """The number of differences, each printed."""
    theirs = T5Tokenizer.from_pretrained(folder)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    room = vocab_size >= len(pieces) + 100
    wrong = 0
    ours = tokenize("encode", folder, vocab_size, lines=texts)
    assert len(ours) == len(texts)
    for text, ids in zip(texts, ours):
        if "<extra_id_" in text and not room:
            continue  # transformers gives ids that such a model does not have
        expected = theirs(text).input_ids
        if ids != expected:
            wrong += 1
            print(f"encode {text!r}: {ids}, but transformers {expected}")
        if pieces.unk_id() not in ids and "<extra_id_" not in text and ids[:-1] != pieces.encode(re.sub(r"\s", " ", text)):
            wrong += 1
            print(f"encode {text!r}: {ids}, but sentencepiece {pieces.encode(text)}")
    rng = random.Random(7)
    known = [i for i in range(3, len(pieces)) if not pieces.is_control(i) and not pieces.is_unused(i)]
    runs = [ids for ids in ours if pieces.unk_id() not in ids] + [rng.choices(known, k=rng.randint(1, 30)) for _ in range(100)]
    for ids, text in zip(runs, tokenize("decode", folder, vocab_size, lines=runs)):
        plain = [i for i in ids if i > 1]
        if all(i < len(pieces) for i in plain) and text != pieces.decode(plain):
            wrong += 1
            print(f"decode {ids}: {text!r}, but sentencepiece {pieces.decode(plain)!r}")
        if text != theirs.decode(plain, skip_special_tokens=False):
            wrong += 1
            print(f"decode {ids}: {text!r}, but transformers {theirs.decode(plain)!r}")
    return wrong


def main():
    with tempfile.TemporaryDirectory(prefix="westofn-golden-") as name:
        folder = pathlib.Path(name)
        corpus = {"sentences": make_texts(1, WORDS, 200), "labels": ["A", "B"],
                  "phrases": ["[CONTEXT]  [RESPONSE A]  [RESPONSE B] "]}
        tokenize("train", 400, folder / "spiece.model", lines=[corpus])
        shutil.copy(TOY / "config.json", folder)
        wrong = compare(folder, 1000, make_texts(2, WORDS, 250) + ODD)
    toy = sentencepiece.SentencePieceProcessor(model_file=str(TOY / "spiece.model"))
    known = [toy.id_to_piece(i).replace("\u2581", "") for i in range(3, len(toy)) if not toy.is_control(i)]
    wrong += compare(TOY, len(toy), make_texts(3, known + ["unseen"], 50) + ODD)
    print(f"{wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
