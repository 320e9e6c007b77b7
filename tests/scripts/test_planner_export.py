"""Export: the file says what the planner is, and llama.cpp computes what torch does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest

pytest.importorskip("torch", reason="the training tools are missing: pip install agx[train]")
pytest.importorskip("tokenizers", reason="the training tools are missing: pip install agx[train]")

import gguf
import torch

from scripts.planner import check_export, drafts, export, prepare, tokenizer, train, unpack
from scripts.planner.batches import encode
from scripts.planner.check_export import different_texts, largest_difference
from scripts.planner.examples import checked_draft
from scripts.planner.export import CHAT_TEMPLATE, write_gguf
from scripts.planner.model import ModelShape, PlannerModel
from scripts.planner.sequences import SPECIAL_TOKENS, delta_segments, echo_segments, plan_text
from scripts.planner.tokenizer import load_tokenizer, train_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")

NL = "count the lines of it's notes.txt, 20 of them"
TASKS = [{"command": "wc", "args": ["-l", "notes.txt"]}]
DRAFT = [{"command": "wcc", "args": ["notes.txt"]}]
MESSAGES = [
    {"role": "system", "content": "rules"},
    {"role": "user", "content": "count"},
    {"role": "assistant", "content": "draft"},
    {"role": "user", "content": "findings"},
]


@pytest.fixture(scope="module")
def tokenizer_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small trained tokenizer as its file."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer([NL, plan_text(TASKS)] * 20, 300).save(str(path))
    return path


@pytest.fixture(scope="module")
def model(tokenizer_path: Path) -> PlannerModel:
    """Return a small model whose random weights are large enough to tell tokens and positions apart."""
    torch.manual_seed(0)
    size = load_tokenizer(tokenizer_path).get_vocab_size()
    shape = ModelShape(
        vocab_size=size, num_layers=2, width=64, num_heads=4, num_kv_heads=2, head_width=16, ffn_width=96
    )
    model = PlannerModel(shape)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.eval()
    return model


@pytest.fixture(scope="module", params=["F32", "F16", "Q8_0"])
def exported(
    request: pytest.FixtureRequest,
    model: PlannerModel,
    tokenizer_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the model as a file of each type."""
    path = tmp_path_factory.mktemp("export") / f"{request.param}.gguf"
    write_gguf(model, tokenizer_path, path, request.param)
    return path


def _rendered(messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
    template = jinja2.Environment(autoescape=False).from_string(CHAT_TEMPLATE)
    return template.render(messages=messages, add_generation_prompt=add_generation_prompt)


def _joined(segments: tuple[tuple[str, str], ...]) -> str:
    return "".join(name + text for name, text in segments)


def test_the_chat_template_writes_echos_prompt() -> None:
    """The system text is left out: the planner knows its tools and its rules by heart."""
    assert _rendered(MESSAGES[:2], add_generation_prompt=True) == "<|user|>count<|plan|>"
    assert _joined(echo_segments("count", TASKS)).startswith("<|user|>count<|plan|>")


def test_the_chat_template_writes_deltas_prompt() -> None:
    prompt = "<|user|>count<|draft|>draft<|findings|>findings<|plan|>"
    assert _rendered(MESSAGES, add_generation_prompt=True) == prompt
    assert _rendered(MESSAGES, add_generation_prompt=False) == prompt.removesuffix("<|plan|>")
    assert _joined(delta_segments("count", TASKS, draft="draft", findings="findings")).startswith(prompt)


def _read(path: Path) -> dict[str, Any]:
    return {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}


def test_the_file_says_what_it_is(exported: Path) -> None:
    facts = _read(exported)
    assert facts["general.architecture"] == "qwen3"
    assert facts["general.name"] == "agx-nano"
    assert facts["agx.planner.tools"] == "unix"
    assert facts["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert facts["tokenizer.ggml.eos_token_id"] == SPECIAL_TOKENS.index("<|end|>")
    assert facts["tokenizer.ggml.token_type"][: len(SPECIAL_TOKENS) + 1] == [3] * len(SPECIAL_TOKENS) + [1]
    assert facts["qwen3.context_length"] == 1024


def test_the_file_names_its_licence_and_its_data(exported: Path) -> None:
    facts = _read(exported)
    assert facts["general.license"] == "mit"
    count = facts["general.dataset.count"]
    data = {
        facts[f"general.dataset.{number}.name"]: facts[f"general.dataset.{number}.description"]
        for number in range(count)
    }
    assert data == {
        "NL2Bash corpus": "licence: MIT",
        "tldr-pages": "licence: CC-BY-4.0",
        "denisidoro/cheats": "licence: CC0-1.0",
        "cheat/cheatsheets": "licence: CC0-1.0",
        "AGX's hand-written and composed requests": "licence: MIT",
    }


def test_llama_cpp_gives_the_same_ids(exported: Path, tokenizer_path: Path) -> None:
    texts = [NL, plan_text(TASKS), "it's 'tis  o'clock\n\t1234 naïve 東京 🙂", "<|plan|> stays text", ""]
    assert different_texts(load_tokenizer(tokenizer_path), exported, texts) == []


@pytest.mark.parametrize(
    "segments",
    [echo_segments(NL, TASKS), checked_draft(NL, TASKS, draft=DRAFT)],
    ids=["echo", "delta"],
)
def test_llama_cpp_gives_the_same_logits(
    exported: Path, model: PlannerModel, tokenizer_path: Path, segments: tuple[tuple[str, str], ...]
) -> None:
    """Within the rounding of the file's type; another sequence is far off."""
    ids, _is_target = encode(load_tokenizer(tokenizer_path), segments)
    tolerance = {"F32": 0.01, "F16": 0.02, "Q8_0": 0.15}[exported.stem]
    assert largest_difference(model, exported, ids) < tolerance
    with torch.no_grad():
        logits = model.logits(model(torch.tensor([ids, ids[::-1]])))
    assert float((logits[0] - logits[1]).abs().max()) > 1.0


def test_other_weights_do_not_pass_the_check(
    model: PlannerModel, tokenizer_path: Path, tmp_path: Path
) -> None:
    write_gguf(model, tokenizer_path, tmp_path / "model.gguf", "F32")
    other = PlannerModel(model.shape).eval()
    row = json.dumps({"nl": NL, "tasks": TASKS})
    (tmp_path / "dev.jsonl").write_text(row + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="logits differ"):
        check_export.check(other, tokenizer_path, tmp_path / "model.gguf", rows_path=tmp_path / "dev.jsonl")


def test_a_file_gives_back_its_tokenizer_and_its_weights(
    exported: Path, model: PlannerModel, tokenizer_path: Path, tmp_path: Path
) -> None:
    unpack.main([str(exported), str(tmp_path / "tokenizer.json")])
    again, before = load_tokenizer(tmp_path / "tokenizer.json"), load_tokenizer(tokenizer_path)
    for text in (NL, "it's 'tis  o'clock\n\t1234 naïve 東京 🙂", "<|plan|> stays text", ""):
        assert again.encode(text).ids == before.encode(text).ids
        assert again.decode(again.encode(text).ids) == text
    assert [again.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(len(SPECIAL_TOKENS)))
    weights = unpack.read_weights(exported, model.state_dict())
    tolerance = {"F32": 0.0, "F16": 0.001, "Q8_0": 0.01}[exported.stem]
    assert all(
        torch.allclose(weights[name], tensor, atol=tolerance) for name, tensor in model.state_dict().items()
    )


def test_the_mean_of_checkpoints_is_exported(model: PlannerModel, tmp_path: Path) -> None:
    for number, factor in enumerate((1.0, 2.0, 6.0)):
        average = {name: tensor * factor for name, tensor in model.state_dict().items()}
        torch.save({"shape": model.shape.to_dict(), "average": average}, tmp_path / f"{number}.pt")
    mean = export.load_average([tmp_path / f"{number}.pt" for number in range(3)])
    for name, tensor in mean.state_dict().items():
        assert torch.allclose(tensor, model.state_dict()[name] * 3.0)


def test_a_run_and_the_file_that_it_began_from_have_a_mean(model: PlannerModel, exported: Path) -> None:
    """Interpolated weights: a checkpoint of three times the file's weights, and the file."""
    checkpoint = exported.with_name(f"{exported.stem}.pt")
    average = {name: tensor * 3.0 for name, tensor in model.state_dict().items()}
    torch.save({"shape": model.shape.to_dict(), "average": average}, checkpoint)
    mean = export.load_average([checkpoint, exported])
    for name, tensor in mean.state_dict().items():
        assert torch.allclose(tensor, model.state_dict()[name] * 2.0, atol=0.01)


def _corpus(folder: Path) -> list[str]:
    """Write a little of each source, and give the options that name them."""
    rows: dict[str, list[dict[str, Any]]] = {
        "nl2bash/train.jsonl": [
            {"nl": f"show line {n} of log{n}", "cmd": f"sed -n {n}p log{n}"} for n in range(60)
        ],
        "tldr/examples.jsonl": [
            {"page": "wc", "platform": "common", "about": "Count.", "nl": "Count", "cmd": "wc -l {{file}}"}
        ],
        "cheats/examples.jsonl": [{"page": "df", "nl": "free space of disks", "cmd": "df -h"}],
        "written/common.jsonl": [{"request": "me", "instruction": "who am I", "reference": ["whoami"]}],
    }
    for name, lines in rows.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    folders = ("nl2bash", "tldr", "cheats", "written")
    options = [part for name in folders for part in (f"--{name}", str(folder / name))]
    return [*options, "--composed", "20"]


def test_the_whole_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data, tokenizer, training, more training, export with its check, cases of drafts."""
    data, tokens = str(tmp_path / "data"), str(tmp_path / "tokenizer.json")
    checkpoint, model_file = str(tmp_path / "planner.pt"), str(tmp_path / "planner.gguf")
    prepare.main([*_corpus(tmp_path), data])
    tokenizer.main([data, tokens, "--size", "300"])
    small = "--layers 1 --width 64 --heads 1 --kv-heads 1 --ffn-width 64 --tokens-per-step 128".split()
    run = [
        data,
        tokens,
        checkpoint,
        *small,
        "--device",
        "cpu",
        "--threads",
        "1",
        "--no-compile",
        "--log-every",
        "1",
    ]
    train.main([*run, "--steps", "2"])
    train.main([*run, "--steps", "3", "--eval-every", "1", "--save-every-secs", "0", "--resume"])
    export.main([checkpoint, tokens, model_file, "--check", data])
    unpacked, later = str(tmp_path / "unpacked.json"), str(tmp_path / "later.pt")
    unpack.main([model_file, unpacked])
    train.main([data, unpacked, later, *run[3:], "--init", model_file, "--steps", "4", "--keep-every", "2"])
    mean_with = ["--mean-with", str(tmp_path / "later-2.pt"), model_file]
    export.main([later, unpacked, str(tmp_path / "later.gguf"), *mean_with])
    drafts.main([f"{data}/dev.jsonl", f"{data}/drafts.jsonl"])
    printed = capsys.readouterr().out
    assert "from step 2" in printed
    assert printed.count("dev loss") == 4, "one for each end, and one on the way"
    assert "ids: 0 of" in printed
    assert "logits: differ by at most 0.0" in printed
    assert _read(Path(model_file))["general.name"] == "agx-nano"
    num_dev = len(Path(data, "dev.jsonl").read_text(encoding="utf-8").splitlines())
    num_cases = len(Path(data, "drafts.jsonl").read_text(encoding="utf-8").splitlines())
    assert num_dev > 0
    assert num_cases == 2 * num_dev
