# SPDX-License-Identifier: Apache-2.0
"""T5 v1.1 in plain PyTorch, just enough to train the toy base model, and its Hugging Face folder."""
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, 1e-6)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, self.heads, self.head_width = config["d_model"], config["num_heads"], config["d_kv"]
        inner = self.heads * self.head_width
        self.q, self.k, self.v = (nn.Linear(width, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, width, bias=False)

    def split(self, x):
        return x.view(*x.shape[:2], self.heads, self.head_width).transpose(1, 2)

    def forward(self, x, source, bias):
        keys, values = self.split(self.k(source)), self.split(self.v(source))
        weights = torch.softmax(torch.matmul(self.split(self.q(x)), keys.transpose(2, 3)) + bias, -1)
        return self.o(torch.matmul(weights, values).transpose(1, 2).reshape(*x.shape[:2], self.heads * self.head_width))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, inner = config["d_model"], config["d_ff"]
        self.wi_0, self.wi_1, self.wo = (nn.Linear(*shape, bias=False)
                                         for shape in ((width, inner), (width, inner), (inner, width)))

    def forward(self, x):
        return self.wo(F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x))


class Layer(nn.Module):
    def __init__(self, config, has_cross):
        super().__init__()
        width = config["d_model"]
        self.self_norm, self.self_attention = Norm(width), Attention(config)
        self.ff_norm, self.ff = Norm(width), FeedForward(config)
        if has_cross:
            self.cross_norm, self.cross_attention = Norm(width), Attention(config)


def bucket(distance, both_ways, buckets, max_distance):
    """T5's bucket of a relative position (key minus query)."""
    first = torch.zeros_like(distance)
    if both_ways:
        buckets //= 2
        first = (distance > 0).long() * buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = buckets // 2
    far = (torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact) * (buckets - exact)).long()
    return first + torch.where(distance < exact, distance, (exact + far).clamp(max=buckets - 1))


class T5(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        width, buckets, heads = config["d_model"], config["relative_attention_num_buckets"], config["num_heads"]
        self.embedding = nn.Embedding(config["vocab_size"], width)
        self.head = nn.Linear(width, config["vocab_size"], bias=False)
        self.encoder_bias, self.decoder_bias = (nn.Embedding(buckets, heads) for _ in range(2))
        self.encoder = nn.ModuleList([Layer(config, False) for _ in range(config["num_layers"])])
        self.encoder_norm = Norm(width)
        self.decoder = nn.ModuleList([Layer(config, True) for _ in range(config["num_decoder_layers"])])
        self.decoder_norm = Norm(width)

    def position_bias(self, table, length, both_ways):
        position = torch.arange(length)
        distance = position[None] - position[:, None]
        buckets, farthest = self.config["relative_attention_num_buckets"], self.config["relative_attention_max_distance"]
        return table(bucket(distance, both_ways, buckets, farthest)).permute(2, 0, 1)[None]

    def states(self, ids, inputs):
        """Decoder states for padded source ids and decoder inputs; id 0 is padding."""
        mask = torch.zeros(ids.shape).masked_fill_(ids == 0, -1e9)[:, None, None, :]
        bias = self.position_bias(self.encoder_bias, ids.shape[1], True) + mask
        x = self.embedding(ids)
        for layer in self.encoder:
            y = layer.self_norm(x)
            x = x + layer.self_attention(y, y, bias)
            x = x + layer.ff(layer.ff_norm(x))
        source = self.encoder_norm(x)
        length = inputs.shape[1]
        causal = self.position_bias(self.decoder_bias, length, False) + torch.full((length, length), -1e9).triu(1)
        x = self.embedding(inputs)
        for layer in self.decoder:
            y = layer.self_norm(x)
            x = x + layer.self_attention(y, y, causal)
            x = x + layer.cross_attention(layer.cross_norm(x), source, mask)
            x = x + layer.ff(layer.ff_norm(x))
        return self.decoder_norm(x)

    def forward(self, ids, inputs):
        return self.head(self.states(ids, inputs))

    def first_logits(self, ids):
        """Logits of one decoder step from the start token 0: [B, vocabulary]."""
        return self.head(self.states(ids, torch.zeros(ids.shape[0], 1, dtype=torch.long))[:, 0])


def hugging_face_names(config):
    """Own parameter name -> Hugging Face name."""
    bias = "block.0.layer.0.SelfAttention.relative_attention_bias"
    names = {"embedding": "shared", "head": "lm_head", "encoder_norm": "encoder.final_layer_norm",
             "decoder_norm": "decoder.final_layer_norm", "encoder_bias": f"encoder.{bias}", "decoder_bias": f"decoder.{bias}"}
    for side, layers, last in (("encoder", config["num_layers"], 1), ("decoder", config["num_decoder_layers"], 2)):
        for i in range(layers):
            own, block = f"{side}.{i}", f"{side}.block.{i}.layer"
            names[f"{own}.self_norm"] = f"{block}.0.layer_norm"
            names[f"{own}.ff_norm"] = f"{block}.{last}.layer_norm"
            for part in "qkvo":
                names[f"{own}.self_attention.{part}"] = f"{block}.0.SelfAttention.{part}"
                if side == "decoder":
                    names[f"{own}.cross_attention.{part}"] = f"{block}.1.EncDecAttention.{part}"
            if side == "decoder":
                names[f"{own}.cross_norm"] = f"{block}.1.layer_norm"
            for part in ("wi_0", "wi_1", "wo"):
                names[f"{own}.ff.{part}"] = f"{block}.{last}.DenseReluDense.{part}"
    return {own + ".weight": name + ".weight" for own, name in names.items()}


def save(model, folder):
    """Writes config.json and model.safetensors. By hand: transformers 5 would write tie_word_embeddings true."""
    folder = pathlib.Path(folder)
    (folder / "config.json").write_text(json.dumps(model.config, indent=2))
    names = hugging_face_names(model.config)
    weights = {names[own]: value.float().contiguous() for own, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
