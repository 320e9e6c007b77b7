"""Train the planner: `python -m scripts.planner.train DATA TOKENIZER.json CHECKPOINT.pt`.

The loss is on the plan only. Matrices of the layers are trained by Muon, the embedding and the
norms by AdamW, with a warm-up and a linear fall of the learning rate. A running average of the
weights is what is evaluated and exported. With `--resume` a run goes on from its checkpoint; with
`--init` it begins from the weights of a GGUF file, of which it has no optimiser's state.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by

from scripts.planner.batches import BackgroundBatches, StreamConfig, plain_batches
from scripts.planner.state import begin_from, load_checkpoint, new_state, save_checkpoint, update_average
from scripts.planner.tokenizer import load_tokenizer
from scripts.planner.unpack import read_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from scripts.planner.batches import Batch
    from scripts.planner.model import PlannerModel
    from scripts.planner.state import TrainState

    Projection = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def learning_rate_factor(step: int, num_warmup_steps: int, progress: float) -> float:
    """Rise linearly over the warm-up, and fall linearly to 0.05 where `progress` reaches 1."""
    return min(1.0, (step + 1) / max(1, num_warmup_steps)) * (1.0 - 0.95 * min(1.0, progress))


def progress_of(state: TrainState, options: argparse.Namespace) -> float:
    """Return how much of the run is done: of its steps or of its time, whichever ends it sooner."""
    time_share = state.elapsed_secs / (options.minutes * 60) if options.minutes else 0.0
    return float(max(state.step / options.steps, time_share))


def projection_loss(hidden: Tensor, embedding: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Project hidden states (tokens, width) to the vocabulary and return the sum of the loss."""
    logits = F.linear(hidden, embedding)
    return F.cross_entropy(logits.float(), targets, reduction="sum", label_smoothing=label_smoothing)


def batch_loss(
    model: PlannerModel,
    batch: Batch,
    *,
    projection: Projection = projection_loss,
    label_smoothing: float = 0.0,
) -> tuple[Tensor, int]:
    """Return the sum of the loss over the tokens to predict, and how many there are.

    Only their positions are projected to the vocabulary, which is the dearest single matrix.
    """
    device = model.embedding.weight.device
    ids = torch.from_numpy(batch.ids).to(device)
    is_target = torch.from_numpy(batch.is_target).to(device)[:, 1:]
    targets = ids[:, 1:][is_target]
    with torch.autocast(device.type, dtype=torch.bfloat16):
        hidden = model(ids)[:, :-1][is_target]
        loss = projection(hidden, model.embedding.weight, targets, label_smoothing)
    return loss, targets.numel()


def train_step(
    state: TrainState, batch: Batch, options: argparse.Namespace, projection: Projection = projection_loss
) -> float:
    """Change the weights by one batch; return its loss a token."""
    factor = learning_rate_factor(state.step, options.warmup, progress_of(state, options))
    for optimiser in state.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group.setdefault("peak_lr", group["lr"]) * factor
    loss, num_targets = batch_loss(
        state.model, batch, projection=projection, label_smoothing=options.label_smoothing
    )
    mean = loss / num_targets
    torch.autograd.backward(mean)
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), options.clip)
    for optimiser in state.optimisers:
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    state.step += 1
    update_average(state, options.ema if state.step > options.warmup else 0.0)
    return float(mean.detach())


def development_loss(state: TrainState, batches: list[Batch]) -> float:
    """Return the averaged weights' loss a token on rows never trained on."""
    total, num_targets = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            loss, num = batch_loss(state.average, batch)
            total, num_targets = total + float(loss), num_targets + num
    return total / max(1, num_targets)


class Log:
    """Prints how the training goes: means over the steps since the last line."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._started, self._losses, self._num_tokens = time.monotonic(), list[float](), 0

    def add(self, loss: float, num_tokens: int) -> None:
        """Note one step."""
        self._losses.append(loss)
        self._num_tokens += num_tokens

    def print(self, state: TrainState, progress: float) -> None:
        """Print a line and begin again."""
        secs = time.monotonic() - self._started
        loss = sum(self._losses) / len(self._losses)
        left_secs = state.elapsed_secs * (1.0 / progress - 1.0)
        print(
            f"step {state.step}  loss {loss:.4f}  {self._num_tokens / secs:,.0f} tokens/s"
            f"  elapsed {state.elapsed_secs / 60:.1f} min  left {left_secs / 60:.1f} min",
            flush=True,
        )
        self._begin()


def train(state: TrainState, options: argparse.Namespace) -> None:
    """Train to the last step or to the end of the time, saving and evaluating on the way."""
    dev = plain_batches(options.data / "dev.jsonl", options.tokenizer, options.tokens_per_step)
    stream = BackgroundBatches(stream_config(options, state.step))
    projection = compile_parts(state.model) if options.compile else projection_loss
    log, started, saved = Log(), time.monotonic() - state.elapsed_secs, time.monotonic()
    try:
        state.model.train()
        while progress_of(state, options) < 1.0:
            batch = stream.next()
            log.add(train_step(state, batch, options, projection), batch.ids.size)
            state.elapsed_secs = time.monotonic() - started
            if state.step % options.log_every == 0:
                log.print(state, progress_of(state, options))
            if state.step % options.eval_every == 0:
                print(f"step {state.step}  dev loss {development_loss(state, dev):.4f}", flush=True)
            if time.monotonic() - saved > options.save_every_secs:
                save_checkpoint(state, options.checkpoint, options)
                saved = time.monotonic()
            if state.step % options.keep_every == 0:
                save_checkpoint(state, kept_checkpoint(options.checkpoint, state.step), options)
    finally:
        stream.close()
    save_checkpoint(state, options.checkpoint, options)
    print(f"step {state.step}  dev loss {development_loss(state, dev):.4f}  (end)", flush=True)


def kept_checkpoint(checkpoint: Path, step: int) -> Path:
    """Name the copy of a checkpoint that later ones do not replace: `planner-500.pt`."""
    return checkpoint.with_stem(f"{checkpoint.stem}-{step}")


def compile_parts(model: PlannerModel) -> Projection:
    """Compile the blocks, one graph a shape for all of them, and return the compiled projection."""
    torch._dynamo.config.cache_size_limit = 64  # noqa: SLF001 - the documented way
    for block in model.blocks:
        block.compile(dynamic=False)
    return cast("Projection", torch.compile(projection_loss, dynamic=True))


def stream_config(options: argparse.Namespace, step: int) -> StreamConfig:
    """Return the stream's config; a resumed run draws other examples than it began with."""
    mix = {source: float(times) for source, times in (part.split("=") for part in options.mix)}
    return StreamConfig(
        rows_path=options.data / "train.jsonl",
        tokenizer_path=options.tokenizer,
        delta_share=options.delta_share,
        mix=mix,
        tokens_per_batch=options.tokens_per_step,
        seed=options.seed + step,
    )


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("data", type=Path, help="folder with train.jsonl and dev.jsonl")
    add("tokenizer", type=Path, help="file written by scripts.planner.tokenizer")
    add("checkpoint", type=Path, help="file to write, and to read with --resume")
    add("--resume", action="store_true")
    add("--init", type=Path, help="begin from this planner's weights; its tokenizer: scripts.planner.unpack")
    add("--steps", type=int, default=3000, help="the run ends with these")
    add("--minutes", type=float, help="or after this time, over all resumed runs")
    add("--tokens-per-step", type=int, default=8192)
    add("--mix", type=lambda text: text.split(","), default=[], help="nl2bash=2,tldr=0.5")
    add("--delta-share", type=float, default=0.33, help="share of examples with draft and findings")
    add("--optimiser", choices=("muon", "adamw"), default="muon")
    add("--learning-rate", type=float, default=1.5e-3, help="AdamW's highest")
    add("--muon-learning-rate", type=float, default=3e-3)
    add("--weight-decay", type=float, default=0.1)
    add("--warmup", type=int, default=100, help="steps")
    add("--clip", type=float, default=1.0)
    add("--dropout", type=float, default=0.1)
    add("--label-smoothing", type=float, default=0.0)
    add("--ema", type=float, default=0.998, help="decay of the weights' running average")
    add("--layers", type=int, default=8)
    add("--width", type=int, default=256)
    add("--heads", type=int, default=4)
    add("--kv-heads", type=int, default=2)
    add("--ffn-width", type=int, default=768)
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--threads", type=int, default=os.cpu_count() or 1)
    add("--no-compile", dest="compile", action="store_false")
    add("--seed", type=int, default=1)
    add("--log-every", type=int, default=50, help="steps")
    add("--eval-every", type=int, default=500, help="steps")
    add("--save-every-secs", type=float, default=240.0)
    add(
        "--keep-every",
        type=int,
        default=500,
        help="steps after which a checkpoint is kept under its own name",
    )
    options = parser.parse_args(arguments)
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    return options


def main(arguments: list[str] | None = None) -> None:
    """Run a training from the command line."""
    options = parse_options(arguments)
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")
    state = new_state(options, load_tokenizer(options.tokenizer).get_vocab_size())
    if options.resume:
        load_checkpoint(state, options.checkpoint)
    elif options.init:
        begin_from(state, read_weights(options.init, state.model.state_dict()))
    num_parameters = sum(p.numel() for p in state.model.parameters())
    print(f"{num_parameters:,} parameters, {options.device}, from step {state.step}", flush=True)
    train(state, options)


if __name__ == "__main__":
    main()
