# SPDX-License-Identifier: Apache-2.0
"""Converts MODEL into MODEL/ct2: convert_ctranslate2.py MODEL

transformers 5 calls every T5 tied, whatever config.json says, and the converter of CTranslate2 takes its word and
divides the logits of an untied model by sqrt(d_model), silently. It is given the flag of config.json here.
"""
import json
import pathlib
import sys

from ctranslate2.converters import transformers as converters


def convert(model):
    tied = json.loads((model / "config.json").read_text()).get("tie_word_embeddings", True)
    plain = converters.T5Loader.get_model_spec

    def get_model_spec(loader, loaded):
        loaded.config.tie_word_embeddings = tied
        return plain(loader, loaded)

    converters.T5Loader.get_model_spec = get_model_spec
    converters.TransformersConverter(str(model)).convert(str(model / "ct2"))


if __name__ == "__main__":
    convert(pathlib.Path(sys.argv[1]))
