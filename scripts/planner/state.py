"""A training's state: the model, its running average and its optimisers, and their checkpoint."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from scripts.planner.model import ModelShape, PlannerModel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


@dataclass
class TrainState:
    """What a run changes as it goes on, and what a checkpoint holds of it."""

    model: PlannerModel
    average: PlannerModel
    optimisers: list[torch.optim.Optimizer]
    step: int = 0
    elapsed_secs: float = 0.0


def new_state(options: argparse.Namespace, vocab_size: int) -> TrainState:
    """Make a model with fresh weights, its average and its optimisers."""
    torch.manual_seed(options.seed)
    shape = ModelShape(
        vocab_size=vocab_size,
        num_layers=options.layers,
        width=options.width,
        num_heads=options.heads,
        num_kv_heads=options.kv_heads,
        ffn_width=options.ffn_width,
    )
    model = PlannerModel(shape, options.dropout).to(options.device)
    average = copy.deepcopy(model).requires_grad_(requires_grad=False).eval()
    return TrainState(model, average, make_optimisers(model, options))


def make_optimisers(model: PlannerModel, options: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Return the optimisers, each parameter in one; decay is for matrices only."""
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "blocks" in name]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    embedding = [model.embedding.weight]
    adam_groups: list[dict[str, Any]] = [
        {"params": vectors, "weight_decay": 0.0},
        {"params": embedding, "weight_decay": 0.0},
    ]
    if options.optimiser == "adamw":
        adam_groups.append({"params": matrices, "weight_decay": options.weight_decay})
        return [_adamw(adam_groups, options)]
    muon = torch.optim.Muon(
        matrices,
        lr=options.muon_learning_rate,
        weight_decay=options.weight_decay,
        momentum=0.95,
        adjust_lr_fn="match_rms_adamw",
    )
    return [muon, _adamw(adam_groups, options)]


def _adamw(groups: list[dict[str, Any]], options: argparse.Namespace) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98), fused=True)


def update_average(state: TrainState, decay: float) -> None:
    """Move the average towards the weights; a decay of 0 copies them."""
    with torch.no_grad():
        for average, weights in zip(state.average.parameters(), state.model.parameters(), strict=True):
            average.lerp_(weights, 1.0 - decay)


def save_checkpoint(state: TrainState, path: Path, options: argparse.Namespace) -> None:
    """Write the state so that the file is always whole: the old one or the new one."""
    data = {
        "shape": state.model.shape.to_dict(),
        "model": state.model.state_dict(),
        "average": state.average.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in state.optimisers],
        "step": state.step,
        "elapsed_secs": state.elapsed_secs,
        "options": {key: str(value) for key, value in vars(options).items()},
    }
    part = path.with_suffix(".part")
    torch.save(data, part)
    part.replace(path)


def begin_from(state: TrainState, weights: Mapping[str, Tensor]) -> None:
    """Put another model's weights into a new state; its optimisers begin again."""
    state.model.load_state_dict(weights)
    state.average.load_state_dict(weights)


def load_checkpoint(state: TrainState, path: Path) -> None:
    """Put a checkpoint's weights, optimisers and counters into a state of the same shape."""
    data = torch.load(path, map_location=state.model.embedding.weight.device, weights_only=True)
    state.model.load_state_dict(data["model"])
    state.average.load_state_dict(data["average"])
    for optimiser, saved in zip(state.optimisers, data["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    state.step, state.elapsed_secs = data["step"], data["elapsed_secs"]
