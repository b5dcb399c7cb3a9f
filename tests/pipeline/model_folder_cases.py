# SPDX-License-Identifier: Apache-2.0
"""The table of model_folder_test.py: ways to spoil a T5 folder, and parts of the message that each must give."""
import json
import os
import struct

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
HEAD = "reward_head.safetensors"
QUERY = "encoder.block.1.layer.0.SelfAttention.q.weight"
FEED = "decoder.block.0.layer.2.DenseReluDense.wo.weight"  # [64, 128]
VOCABULARY, WIDTH = 152, 64


def pack(header, data=b"", length=None):
    """The bytes of a safetensors file; the header may be wrong text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def pack_tensors(tensors):
    """A whole file of name -> (type, shape, bytes)."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    return pack(header, data)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


class Model:
    """A copy of a good folder that a case spoils."""

    def __init__(self, folder):
        self.folder = folder

    def read(self, name=SINGLE):
        return (self.folder / name).read_bytes()

    def write(self, name, content):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def remove(self, name):
        (self.folder / name).unlink()

    def configure(self, **changes):
        """Replaces keys of config.json; None removes one."""
        config = json.loads(self.read("config.json")) | changes
        self.write("config.json", json.dumps({key: value for key, value in config.items() if value is not None}))

    def header(self):
        content = self.read()
        size = struct.unpack("<Q", content[:8])[0]
        return json.loads(content[8:8 + size]), content[8 + size:]

    def tensors(self):
        header, data = self.header()
        return {name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
                for name, entry in header.items() if name != "__metadata__"}

    def change_header(self, change):
        """The same data under another header."""
        header, data = self.header()
        change(header)
        self.write(SINGLE, pack(header, data))

    def change_tensors(self, change):
        tensors = self.tensors()
        change(tensors)
        self.write(SINGLE, pack_tensors(tensors))

    def shard(self):
        """Two shards and an index in place of the single file; returns the index."""
        tensors = self.tensors()
        self.remove(SINGLE)
        names = sorted(tensors)
        weight_map = {}
        for shard, part in (("a.safetensors", names[::2]), ("b.safetensors", names[1::2])):
            self.write(shard, pack_tensors({name: tensors[name] for name in part}))
            weight_map.update(dict.fromkeys(part, shard))
        index = {"metadata": {}, "weight_map": weight_map}
        self.write(INDEX, json.dumps(index))
        return index

    def change_index(self, change):
        index = self.shard()
        change(index)
        self.write(INDEX, json.dumps(index))

    def write_scoring(self, **changes):
        self.write("westofn.json", json.dumps({"version": 1, "kind": "pairwise", "template": "{prompt} {a} {b}",
                                               "labels": ["A", "B"], "cut": "start"} | changes))


CASES = []  # name, function that spoils a Model, parts of the message, kind of `westofn score` or None for generate too


def case(name, spoil, *parts, kind=None):
    CASES.append((name, spoil, parts, kind))


def config_cases():
    case("config.json is missing", lambda m: m.remove("config.json"), "config.json", "no such file")
    case("config.json is empty", lambda m: m.write("config.json", ""), "config.json:1", "not valid JSON")
    case("config.json is not JSON", lambda m: m.write("config.json", '{"d_model": 64,\n}'), "config.json:2", "JSON")
    case("config.json is a list", lambda m: m.write("config.json", "[]"), "config.json", "an object")
    case("config.json is not UTF-8", lambda m: m.write("config.json", b'{"a": "\xff"}'), "config.json", "JSON")
    case("config.json has a key twice", lambda m: m.write("config.json", '{"d_ff": 1, "d_ff": 2}'),
         "config.json", '"d_ff" stands twice')
    for key in ("model_type", "vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads",
                "relative_attention_num_buckets", "layer_norm_epsilon"):
        case(f"{key} is missing", lambda m, key=key: m.configure(**{key: None}), "config.json", f"'{key}'", "is missing")
    for key, value, part in (
            ("model_type", "mt5", "must be t5"), ("architectures", ["T5EncoderModel"], "no decoder"),
            ("architectures", ["UMT5ForConditionalGeneration"], "another kind"), ("is_encoder_decoder", False, "true"),
            ("d_model", -64, "-64"), ("d_ff", 0, "not 0"), ("num_layers", 2.5, "integer"), ("d_kv", "16", "a string"),
            ("vocab_size", 10**18, "must be from"), ("vocab_size", 10**30, "integer"), ("num_heads", 1 << 20, "must be from"),
            ("feed_forward_proj", "gated-silu", "gated-silu"), ("dense_act_fn", "relu", "gelu_new"),
            ("is_gated_act", False, "contradicts"), ("tie_word_embeddings", "no", "true or false"),
            ("decoder_start_token_id", VOCABULARY, "152"), ("eos_token_id", 2, "must be 1"),
            ("pad_token_id", 1, "must be 0"), ("layer_norm_epsilon", 0, "above 0")):
        case(f"{key} is {value}", lambda m, key=key, value=value: m.configure(**{key: value}),
             "config.json", f"field '{key}", part)


def safetensors_cases():
    case("no weights", lambda m: m.remove(SINGLE), "neither model.safetensors nor")
    case("pickle only", lambda m: (m.remove(SINGLE), m.write("pytorch_model.bin", b"\x80\x02.")), "analysis/convert_hf.py")
    case("weights are empty", lambda m: m.write(SINGLE, b""), SINGLE, "too short")
    for size in (7, 8, 1000, 5776, 20000, -1):
        case(f"weights are cut at {size}", lambda m, size=size: m.write(SINGLE, m.read()[:size]), SINGLE)
    case("header length is a bomb", lambda m: m.write(SINGLE, pack({}, length=1 << 62)), SINGLE, "header length")
    case("header is not JSON", lambda m: m.write(SINGLE, pack(b'{"a": }')), SINGLE, "not valid JSON")
    case("header is not UTF-8", lambda m: m.write(SINGLE, pack(b'{"\xff": {}}')), SINGLE, "not valid JSON")
    case("header is a list", lambda m: m.write(SINGLE, pack(b"[]")), SINGLE, "begin with '{'")
    entry = b'"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'
    case("a tensor stands twice", lambda m: m.write(SINGLE, pack(b"{" + entry + b", " + entry + b"}", bytes(4))),
         SINGLE, '"w" stands twice')

    def move(by):
        def change(header):
            header[FEED]["data_offsets"] = [offset + by for offset in header[FEED]["data_offsets"]]
        return lambda m: m.change_header(change)
    case("tensors overlap", move(-4), SINGLE, "a hole or an overlap")
    case("there is a hole", move(4), SINGLE, "a hole or an overlap")
    case("a tensor lies outside", move(1 << 40), SINGLE, "header")

    def entry_of(**changes):
        return lambda m: m.change_header(lambda header: header[QUERY].update(changes))
    case("shape overflows", entry_of(shape=[1 << 62, 1 << 62]), SINGLE, QUERY, "too large")
    case("shape is negative", entry_of(shape=[-64, -64]), SINGLE, QUERY)
    case("shape does not fit the bytes", entry_of(shape=[64, 63]), SINGLE, QUERY, "do not fit")
    case("unknown type", entry_of(dtype="F8_E9"), SINGLE, QUERY, "F8_E9")
    case("integers", entry_of(dtype="I32"), SINGLE, QUERY, "is of type I32")
    case("wrong shape", entry_of(shape=[32, 128]), SINGLE, QUERY, "[32, 128]", "[64, 64]")

    def set_shape(tensors):
        tensors[FEED] = ("F32", [128, 64], tensors[FEED][2])
    case("transposed", lambda m: m.change_tensors(set_shape), SINGLE, FEED, "[128, 64]", "[64, 128]")
    case("a tensor is missing", lambda m: m.change_tensors(lambda t: t.pop(QUERY)), SINGLE, QUERY, "is missing")
    case("the head is missing", lambda m: m.change_tensors(lambda t: t.pop("lm_head.weight")), SINGLE, "lm_head.weight")
    case("a tensor too many", lambda m: m.change_tensors(lambda t: t.update({QUERY + "2": t[QUERY]})),
         SINGLE, QUERY + "2", "not part of the model")
    case("a layer too many", lambda m: m.configure(num_layers=1), SINGLE, "encoder.block.1", "not part of the model")
    case("another width", lambda m: m.configure(d_model=32), SINGLE, "config.json asks for")
    alias = "decoder.embed_tokens.weight"
    case("embeddings differ", lambda m: m.change_tensors(lambda t: t.update({alias: ("F32", [VOCABULARY, WIDTH],
                                                                                    bytes(4 * VOCABULARY * WIDTH))})),
         SINGLE, alias, "differs")
    for name, bits in (("NaN", 0x7FC00000), ("minus infinity", 0xFF800000)):
        number = struct.pack("<I", bits)
        case(f"a weight is {name}", lambda m, number=number: m.change_tensors(
            lambda t: t.update({QUERY: ("F32", [64, 64], t[QUERY][2][:-4] + number)})), SINGLE, QUERY, "not finite", "4095")
    case("a bfloat16 weight is NaN", lambda m: m.change_tensors(
        lambda t: t.update({QUERY: ("BF16", [64, 64], bytes(8190) + b"\xc0\x7f")})), SINGLE, QUERY, "not finite")


def index_cases():
    def shards(change):
        return lambda m: m.change_index(change)
    case("index is not JSON", lambda m: (m.shard(), m.write(INDEX, "{")), INDEX, "not valid JSON")
    case("index has no weight_map", shards(lambda i: i.pop("weight_map")), INDEX, "'weight_map'", "is missing")
    case("weight_map is a list", shards(lambda i: i.update(weight_map=[])), INDEX, "'weight_map'", "an object")
    case("a shard is a number", shards(lambda i: i["weight_map"].update({QUERY: 1})), INDEX, QUERY, "a string")
    for name in ("../b.safetensors", "x/b.safetensors", ".."):
        case(f"a shard is called {name}", shards(lambda i, name=name: i["weight_map"].update({QUERY: name})),
             INDEX, QUERY, "not the name of a file")
    case("a shard is missing", lambda m: (m.shard(), m.remove("b.safetensors")), "b.safetensors", "no such file")
    case("a shard is cut off", lambda m: (m.shard(), m.write("b.safetensors", m.read("b.safetensors")[:-4])), "b.safetensors")
    case("a tensor is in two shards", lambda m: (
        m.shard(), m.write("b.safetensors", pack_tensors({QUERY: ("F32", [64, 64], bytes(16384))}))), "safetensors", "places")
    case("index and shards disagree", shards(lambda i: i["weight_map"].pop(QUERY)), "safetensors", QUERY, "does not list")


def messages(content):
    """The top-level fields of a protobuf text as (bytes of the tag and length, content)."""
    fields, at = [], 0
    while at < len(content):
        begin = at
        at += 1
        size, shift = 0, 0
        while True:
            byte = content[at]
            size |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                break
        fields.append(content[begin:at + size])
        at += size
    return fields


def add_piece(content, piece):
    """Adds a piece of this text behind the last one."""
    def field(number, text):
        size, length = len(text), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + text
    return content + field(1, field(1, piece) + b"\x15" + floats(-1.0))


def tokenizer_cases():
    name = "spiece.model"

    def change(function):
        return lambda m: m.write(name, function(m.read(name)))

    def swap(content):
        fields = messages(content)
        fields[0], fields[1] = fields[1], fields[0]
        return b"".join(fields)

    def drop_rows(model):
        size = 100
        model.configure(vocab_size=size)
        model.change_tensors(lambda t: t.update({key: ("F32", [size, WIDTH], t[key][2][:4 * size * WIDTH])
                                                 for key in ("shared.weight", "lm_head.weight")}))
    case("no tokenizer", lambda m: m.remove(name), name, "no such file")
    case("tokenizer.json only", lambda m: (m.remove(name), m.write("tokenizer.json", "{}")), name, "copy the spiece.model")
    case("tokenizer is empty", change(lambda c: b""), name, "not a SentencePiece model")
    case("tokenizer is cut off", change(lambda c: c[:1000]), name, "not a SentencePiece model")
    case("tokenizer is noise", change(lambda c: bytes(i * 167 % 251 for i in range(3000))), name, "SentencePiece model")
    case("a piece of 100 KB", change(lambda c: add_piece(c, b"x" * 100_000)), name, "a piece of 100000 bytes")
    case("more pieces than the vocabulary", drop_rows, name, "has room for 100")
    case("padding and end are swapped", change(swap), name, "0, 1 and 2")


def scoring_cases():
    for title, content, part in (("is cut off", '{"version": 1', "JSON"), ("is of the future", None, "version 1"),
                                 ("has an unknown key", {"x": 1}, "unknown key 'x'"),
                                 ("has an unknown kind", {"kind": "best"}, "likelihood, pairwise, pointwise"),
                                 ("has one label", {"labels": ["A"]}, "two labels"),
                                 ("has a template without {b}", {"template": "{prompt} {a}"}, "{b}"),
                                 ("has a limit of 0", {"max_input_tokens": 0}, "'max_input_tokens'")):
        if isinstance(content, str):
            case("westofn.json " + title, lambda m, c=content: m.write("westofn.json", c), "westofn.json", part, kind="pairwise")
        else:
            case("westofn.json " + title, lambda m, c=content: m.write_scoring(**(c or {"version": 2})),
                 "westofn.json", part, kind="pairwise")

    def head(**tensors):
        return lambda m: m.write(HEAD, pack_tensors({"weight": ("F32", [1, WIDTH], bytes(4 * WIDTH)),
                                                     "bias": ("F32", [1], floats(0.0))} | tensors))
    case("no reward head", lambda m: None, HEAD, "no such file", kind="pointwise")
    case("reward head is cut off", lambda m: (head()(m), m.write(HEAD, m.read(HEAD)[:-1])), HEAD, kind="pointwise")
    case("reward head is too narrow", head(weight=("F32", [1, 32], bytes(128))), HEAD, "'weight'", "[1, 32]", kind="pointwise")
    case("reward head is NaN", head(bias=("F32", [1], floats(float("nan")))), HEAD, "'bias'", "not finite", kind="pointwise")
    case("reward head of another kind", head(dense=("F32", [1], floats(0.0))), HEAD, "'dense'", kind="pointwise")
    case("scale without deviation", head(score_mean=("F64", [1], bytes(8))), HEAD, "score_standard_deviation",
         kind="pointwise")


def folder_cases():
    def replace(make):
        def spoil(model):
            moved = model.folder.with_name("moved")
            model.folder.rename(moved)
            make(model.folder, moved)
        return spoil
    case("the folder is a file", replace(lambda at, moved: at.write_text("x")), "is not a folder")
    case("the folder is missing", replace(lambda at, moved: None), "no such folder")
    case("the folder is a dangling link", replace(lambda at, moved: at.symlink_to("nowhere")), "no such folder")
    case("the weights are a folder", lambda m: (m.remove(SINGLE), os.mkdir(m.folder / SINGLE)), SINGLE, "is not a file")
    case("the weights are a dangling link", lambda m: (m.remove(SINGLE), os.symlink("gone", m.folder / SINGLE)), "model.safetensors")


config_cases()
safetensors_cases()
index_cases()
tokenizer_cases()
scoring_cases()
folder_cases()
