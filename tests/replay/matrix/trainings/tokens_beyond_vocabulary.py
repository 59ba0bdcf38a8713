# mypy: ignore-errors
"""A language model whose labels are shifted inside: one of them is a token that the vocabulary does not have."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

TRUTH = {
    "cause": "faulty_input",
    "phase": "forward",
    "op": "cross_entropy",
    "tensor": "label",
    "samples": (1,),
    "step": 15,
    "cure": "drop_samples",
}


class Language(nn.Module):
    def __init__(self, words: int = 40, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        layer = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, words)

    def forward(self, input_ids, labels):
        mask = nn.Transformer.generate_square_subsequent_mask(input_ids.shape[1])
        scores = self.head(self.layers(self.embed(input_ids), mask=mask, is_causal=True))
        return F.cross_entropy(scores[:, :-1].flatten(0, 1), labels[:, 1:].flatten())  # fault


def batches():
    numbers = torch.Generator().manual_seed(25)
    made = []
    for _ in range(30):
        tokens = torch.randint(0, 40, (4, 8), generator=numbers)
        made.append({"input_ids": tokens, "labels": tokens.clone()})
    made[15]["labels"][1, 5] = 40
    return made


def target():
    torch.manual_seed(0)
    model = Language()
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: model(**batch),
        "batches": batches(),
    }
