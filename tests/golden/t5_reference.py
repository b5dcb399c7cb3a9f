# SPDX-License-Identifier: Apache-2.0
"""What transformers gives for a T5 folder: the three scores of `westofn score`, one text at a time, without padding."""
import torch
import transformers
from safetensors.torch import load_file
from transformers import T5ForConditionalGeneration, T5Tokenizer
from transformers.modeling_outputs import BaseModelOutput

PAIRWISE = "[CONTEXT] {prompt} [RESPONSE A] {a} [RESPONSE B] {b}"
POINTWISE = "[CONTEXT] {prompt} [RESPONSE] {response}"

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def filled(template, **texts):
    """The template with its places filled in one pass: a text that looks like a place stays as it is."""
    for key in texts:
        template = template.replace("{" + key + "}", "\0" + key + "\0")
    parts = template.split("\0")
    return "".join(texts[part] if i % 2 else part for i, part in enumerate(parts))


class Reference:
    """Model and tokenizer of a folder in a precision."""

    def __init__(self, folder, dtype=torch.float32):
        self.tokenizer = T5Tokenizer.from_pretrained(folder)
        self.model = T5ForConditionalGeneration.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
        self.start = self.model.config.decoder_start_token_id
        self.head = load_file(folder / "reward_head.safetensors")

    def encode(self, text):
        return self.tokenizer(text).input_ids

    @torch.no_grad()
    def read(self, text):
        """The encoder's output for a text."""
        return self.model.encoder(input_ids=torch.tensor([self.encode(text)])).last_hidden_state

    @torch.no_grad()
    def decode(self, encoded, target):
        """Logits and last hidden states for every token of the target, which the decoder is given."""
        shifted = torch.tensor([[self.start, *target[:-1]]])
        out = self.model(encoder_outputs=BaseModelOutput(encoded), decoder_input_ids=shifted, output_hidden_states=True)
        return out.logits[0], out.decoder_hidden_states[-1][0]

    def token_log_likelihoods(self, prompt, target):
        logits, _ = self.decode(self.read(prompt), target)
        return torch.log_softmax(logits.double(), -1)[range(len(target)), target]

    def log_likelihood(self, prompt, response):
        """(sum over tokens with the end, number of tokens)."""
        target = self.encode(response)
        return self.token_log_likelihoods(prompt, target).sum().item(), len(target)

    def first_label_probability(self, text, labels=("A", "B")):
        ids = [self.encode(label) for label in labels]
        assert all(len(tokens) == 2 for tokens in ids), "a label is one piece"
        logits, _ = self.decode(self.read(text), [0])
        return torch.softmax(logits[0, [tokens[0] for tokens in ids]].double(), -1)[0].item()

    def preference(self, prompt, a, b, template=PAIRWISE, labels=("A", "B")):
        """The columns of the pairwise kind."""
        ab = self.first_label_probability(filled(template, prompt=prompt, a=a, b=b), labels)
        ba = self.first_label_probability(filled(template, prompt=prompt, a=b, b=a), labels)
        return {"p_a_over_b": (ab + 1 - ba) / 2, "p_ab": ab, "p_ba_swapped": ba}

    def reward(self, prompt, response):
        """The head reads the last hidden state, which is never scaled: that belongs to the language-model head."""
        _, states = self.decode(self.read(filled(POINTWISE, prompt=prompt, response=response)), [0])
        return (states[0].double() @ self.head["weight"][0].double()).item() + self.head["bias"].item()
