#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the toy base model: a tiny T5 in a Hugging Face folder that stands for web-scale pretraining.

It reads the text of the toy world only, no preference label and no gold reward, and learns to write responses, to copy
sentences, and to answer which of two responses belongs to a post or tells a fact that a word of the post introduces.
Takes about 8 minutes on one core. With torch 2.11 and sentencepiece 0.2.3 on an x86-64 CPU the files are those of configs/toy/base-model.

    make.py --out DIR [--seed 0]
"""
import argparse
import io
import pathlib
import random
import time

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F
from sentencepiece import sentencepiece_model_pb2

import small_t5
from toy_text import CLOSERS, CUES, EVENTS, FACTS, GREETINGS, NOUNS, OPENERS, QUESTIONS, make_post, respond, sentences

PAIRWISE = "[CONTEXT] {post} [RESPONSE A] {a} [RESPONSE B] {b}"
POINTWISE = "[CONTEXT] {post} [RESPONSE] {a}"
LEARNING_RATE, WARMUP_STEPS = 2e-3, 200
STEPS = {1: 4000, 2: 3500}   # of the two phases: see question()
WRITINGS, QUESTIONS_OF_A_KIND = 16, 24   # of a step


def make_tokenizer(path):
    """Every word of the world, of the templates and of the labels becomes one piece."""
    words = set("[CONTEXT] [RESPONSE] [RESPONSE A] B] A B my and . ,".split()) | set(NOUNS) | set(EVENTS) | set(CUES)
    for phrase in GREETINGS + QUESTIONS + list(OPENERS) + list(CLOSERS):
        words |= set(phrase.split())
    rng = random.Random(0)
    lines = [" ".join(sorted(words))] * 50   # so that every word is seen
    for _ in range(2000):
        post = make_post(rng)
        a, b = respond(rng, post), respond(rng, post)
        lines += [PAIRWISE.format(post=post["text"], a=a, b=b) + " A", POINTWISE.format(post=post["text"], a=a) + " B"]
    pieces = len(words) + 3
    unused = -pieces % 8
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="word", vocab_size=pieces + unused, pad_id=0,
        eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="identity",
        control_symbols=[f"<unused{i}>" for i in range(unused)], minloglevel=2)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    proto.trainer_spec.ClearField("input")
    path.write_bytes(proto.SerializeToString())
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for word in words:
        assert len(processor.encode(word)) == 1 and processor.encode(word)[0] > 2, word
    return processor


def start_values(model, seed):
    """T5's usual start, plus directional position biases and an encoder head that looks at other places of a word."""
    torch.manual_seed(seed)
    c = model.config
    width, head_width, heads, inner = c["d_model"], c["d_kv"], c["num_heads"], c["d_ff"]

    def normal(module, deviation):
        module.weight.data.normal_(std=deviation)

    normal(model.embedding, 1.0)
    normal(model.head, width ** -0.5)
    for layer in [*model.encoder, *model.decoder]:
        attentions = [layer.self_attention] + ([layer.cross_attention] if hasattr(layer, "cross_attention") else [])
        for attention in attentions:
            normal(attention.q, (width * head_width) ** -0.5)
            normal(attention.k, width ** -0.5)
            normal(attention.v, width ** -0.5)
            normal(attention.o, (heads * head_width) ** -0.5)
        normal(layer.ff.wi_0, width ** -0.5)
        normal(layer.ff.wi_1, width ** -0.5)
        normal(layer.ff.wo, inner ** -0.5)
    for layer in model.encoder:
        same_word = slice((heads - 1) * head_width, heads * head_width)
        weight = torch.randn(head_width, width) * (8 / (head_width * width)) ** 0.5
        layer.self_attention.q.weight.data[same_word] = weight
        layer.self_attention.k.weight.data[same_word] = weight
        layer.self_attention.o.weight.data.mul_(0.5)
        layer.ff.wo.weight.data.mul_(0.5)
    for table, both_ways in ((model.encoder_bias, True), (model.decoder_bias, False)):
        table.weight.data.copy_(position_biases(c, both_ways))


def position_biases(c, both_ways):
    buckets, heads, farthest = c["relative_attention_num_buckets"], c["num_heads"], c["relative_attention_max_distance"]
    bias = torch.randn(buckets, heads) * 0.2
    half = buckets // 2 if both_ways else buckets
    exact = half // 2
    for b in range(buckets):
        after = both_ways and b >= half
        i = b - half if after else b
        distance = i if i < exact else exact * (farthest / exact) ** ((i - exact) / (half - exact))
        bias[b, 0] -= 5.0 if after else distance
        if both_ways:
            bias[b, 1] -= distance if after else 5.0
            bias[b, 2] -= 5.0 if after else 0.1 * distance
            if distance == 0:
                bias[b, heads - 1] -= 6.0
    return bias


def padded(rows):
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, :len(row)] = row
    return torch.from_numpy(ids)


class Reading:
    """The examples: an endless stream from one random generator."""

    def __init__(self, seed, processor):
        self.rng = random.Random(f"pretrain {seed}")
        self.processor = processor
        self.labels = [processor.piece_to_id("▁A"), processor.piece_to_id("▁B")]

    def encode(self, text):
        return self.processor.encode(text) + [1]

    def post_and_response(self):
        post = make_post(self.rng)
        return post, respond(self.rng, post)

    def stranger(self, response):
        """A text that does not belong to the post: the response of another post, or this one with an event replaced."""
        rng = self.rng
        if rng.random() >= 0.3:
            return self.post_and_response()[1]
        words = response.split()
        i = rng.choice([i for i, word in enumerate(words) if word in EVENT_SET])
        events = EVENTS if rng.random() < 0.5 else FACTS[words[i - 1]]
        words[i] = rng.choice([event for event in events if event != words[i]])
        return " ".join(words)

    def question(self, post, response, phase):
        """A question word and two responses of which the first is the answer.

        Phase 1, no word: which belongs to the post? Phase 2: `my` asks the same, `and` which does not, and a cue word
        of the post which response tells a fact that the post introduces by this word.
        """
        rng = self.rng
        if phase == 1:
            return "", response, self.stranger(response)
        if rng.random() < 0.4:
            other = self.stranger(response)
            return ("my", response, other) if rng.random() < 0.7 else ("and", other, response)
        while True:
            cue = rng.choice([word for word in post["text"].split() if word in CUES])
            introduced = {noun for noun, _, _ in post["facts"] if f"{cue} my {noun} " in post["text"]}
            other = respond(rng, post)
            tells, other_tells = (bool(introduced & set(text.split())) for text in (response, other))
            if tells != other_tells:
                return (cue, response, other) if tells else (cue, other, response)
            response = respond(rng, post)

    def writings(self):
        """Source and target ids: half write the response to a post, half copy a sentence of it."""
        pairs = [self.post_and_response() for _ in range(WRITINGS)]
        half = WRITINGS // 2
        sources = [self.encode(f"[CONTEXT] {post['text']} [RESPONSE]") for post, _ in pairs[:half]]
        sources += [self.encode(post["text"]) for post, _ in pairs[half:]]
        targets = [self.encode(response) for _, response in pairs[:half]]
        for post, _ in pairs[half:]:
            cue, noun, event = self.rng.choice(sentences(post))
            targets.append(self.encode(f"{cue} my {noun} {event} ."))
        return padded(sources), padded(targets)

    def questions(self, kind, phase):
        """Source ids, the right label of each, and whether it asks for a cue."""
        sources, answers, asks_cue = [], [], []
        for _ in range(QUESTIONS_OF_A_KIND):
            post, response = self.post_and_response()
            word, good, bad = self.question(post, response, phase)
            flipped = self.rng.random() < 0.5
            answers.append(self.labels[1] if flipped else self.labels[0])
            asks_cue.append(word in CUES)
            first, second = (bad, good) if flipped else (good, bad)
            template = POINTWISE if kind == "pointwise" else PAIRWISE
            text = template.format(post=post["text"], a=first, b=second)
            sources.append(self.encode((word + " " if word else "") + text))
        return padded(sources), torch.tensor(answers), np.array(asks_cue)


EVENT_SET = set(EVENTS)


def train(model, reading, out):
    started, log = time.process_time(), {}
    for phase, steps in STEPS.items():
        optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * max(0.02, 1 - step / steps)
            source, target = reading.writings()
            logits = model(source, F.pad(target[:, :-1], (1, 0)))
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=0)
            log.setdefault("writing loss", []).append(loss.item())
            for kind in ("pointwise", "pairwise"):
                source, answers, asks_cue = reading.questions(kind, phase)
                logits = model.first_logits(source)
                loss = loss + F.cross_entropy(logits, answers)
                right = (logits.argmax(-1) == answers).float().numpy()
                log.setdefault(f"{kind}: belongs", []).extend(right[~asks_cue])
                log.setdefault(f"{kind}: cue", []).extend(right[asks_cue])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if (step + 1) % 500 == 0:
                means = {name: round(float(np.mean(values)), 3) for name, values in log.items() if values}
                print(f"phase {phase} step {step + 1} {means} {time.process_time() - started:.0f} s", flush=True)
                log = {}
    small_t5.save(model, out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path, help="a new folder")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True)
    processor = make_tokenizer(options.out / "spiece.model")
    config = dict(
        architectures=["T5ForConditionalGeneration"], model_type="t5", vocab_size=len(processor), d_model=64, d_kv=16,
        d_ff=128, num_layers=2, num_decoder_layers=2, num_heads=4, relative_attention_num_buckets=32,
        relative_attention_max_distance=64, dropout_rate=0.0, layer_norm_epsilon=1e-6, initializer_factor=1.0,
        feed_forward_proj="gated-gelu", is_encoder_decoder=True, tie_word_embeddings=False, use_cache=True,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, torch_dtype="float32")
    model = small_t5.T5(config)
    start_values(model, options.seed)
    train(model, Reading(options.seed, processor), options.out)


if __name__ == "__main__":
    main()
