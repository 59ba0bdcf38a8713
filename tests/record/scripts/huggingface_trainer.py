"""Hugging Face's Trainer on a tiny model made from its configuration: huggingface_trainer.py FAULT."""

# mypy: ignore-errors
from __future__ import annotations

# ruff: noqa: T201  a training that prints
import sys
import warnings

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging

warnings.simplefilter("ignore")
logging.set_verbosity_error()
logging.disable_progress_bar()
FAULT = sys.argv[1]


class Rows(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        words = torch.randint(0, 50, (12,), generator=torch.Generator().manual_seed(index))
        if FAULT == "gpt2_norm":
            return {"input_ids": words, "labels": words}
        seen = torch.ones(12, dtype=torch.long)
        return {"input_ids": words, "attention_mask": seen, "labels": words[0] % 2}


class Classifier(BertForSequenceClassification):
    def forward(self, labels: torch.Tensor | None = None, **inputs: torch.Tensor) -> object:
        out = super().forward(**inputs)
        logits = out.logits
        if FAULT == "focal_loss" and self.steps == 5:
            logits = logits * 1e5
        share = logits.softmax(-1).gather(1, labels[:, None])
        loss = ((1 - share) ** 2 * -share.log()).mean()  # FAULT focal_loss
        self.steps += 1
        return {"loss": loss, "logits": logits}


def model() -> torch.nn.Module:
    torch.manual_seed(3)
    if FAULT == "gpt2_norm":
        made = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=12, n_embd=16, n_layer=2, n_head=2))
        made.transformer.h[1].ln_2.eps = -1.0
        return made
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    made = Classifier(BertConfig(vocab_size=50, max_position_embeddings=12, **size))
    made.steps = 0
    return made


class Hot(Trainer):
    """Weights that a faulty merge left infinite, from step 4 on."""

    def training_step(self, model: torch.nn.Module, *args: object, **kwargs: object) -> torch.Tensor:
        if FAULT == "spoilt_weight" and self.state.global_step == 4:
            with torch.no_grad():
                model.bert.encoder.layer[1].output.dense.weight[0, 0] = float("inf")
        return super().training_step(model, *args, **kwargs)


if __name__ == "__main__":
    arguments = TrainingArguments(
        output_dir=sys.argv[2],
        per_device_train_batch_size=4,
        num_train_epochs=1,
        logging_steps=4,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
        learning_rate=1e-4,
        gradient_accumulation_steps=2 if FAULT == "accumulated" else 1,
    )
    trainer = Hot(model=model(), args=arguments, train_dataset=Rows())
    result = trainer.train()
    print(f"steps {result.global_step} loss {result.training_loss:.4f}")
