# SPDX-License-Identifier: Apache-2.0
"""Token ids as the peers that use torch read them. Import after the number of threads is set."""
import torch


def padded(rows):
    """Arguments of a transformers model."""
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, :len(row)] = torch.tensor(row)
        mask[place, :len(row)] = 1
    # Without padding a mask only costs time.
    return {"input_ids": ids, "attention_mask": mask if (mask == 0).any() else None}
