"""Which backend a kind gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agx.backends.base import BackendKind
from agx.backends.create import create_backend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.backends.specs import ModelChoice, ServerChoice, specify
from agx.errors import Unsupported, UsageError
from agx.requests import LoadOptions


@pytest.mark.parametrize("kind", [BackendKind.AUTO, BackendKind.LLAMACPP])
async def test_a_gguf_model_goes_to_llamacpp_and_nothing_is_started(kind: BackendKind) -> None:
    spec = specify(ModelChoice("/no/such/model.gguf", kind, load=LoadOptions(threads=1)))
    backend = create_backend(spec)
    assert (backend.backend_type, backend.model_name) == (BackendKind.LLAMACPP, "model")
    await backend.aclose()


@pytest.mark.parametrize("kind", [BackendKind.SCRIPTED])
def test_what_this_version_lacks_is_unsupported(kind: BackendKind) -> None:
    with pytest.raises(Unsupported, match=kind.value) as caught:
        specify(ModelChoice("model.gguf", kind))
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_neither_llama_cpp_nor_llguidance_is_imported_in_this_process(tiny_model: Path) -> None:
    program = f"""if True:
        import asyncio, sys
        from agx.backends.create import create_backend
        from agx.backends.specs import ModelChoice, specify
        from agx.requests import LoadOptions
        async def main():
            choice = ModelChoice({str(tiny_model)!r}, load=LoadOptions(device="cpu"))
            backend = create_backend(specify(choice))
            print((await backend.health_check()).ok)
            await backend.aclose()
        asyncio.run(main())
        loaded = {{name.partition(".")[0] for name in sys.modules}}
        print({{"llama_cpp", "llguidance", "numpy", "jinja2"}} & loaded)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\nset()\n"


async def test_a_server_is_asked_for_nothing_before_the_first_call() -> None:
    endpoint = Endpoint("http://127.0.0.1:1/v1", api_key="sk-0123456789")
    choice = ModelChoice("gpt", BackendKind.OPENAI, servers=ServerChoice(endpoint=endpoint))
    spec = specify(choice)
    assert spec == OpenAISpec("gpt", endpoint)
    assert "sk-0123456789" not in repr(choice)
    backend = create_backend(spec)
    assert (backend.backend_type, backend.model_name) == (BackendKind.OPENAI, "gpt")
    await backend.aclose()


def test_a_model_of_a_server_has_to_be_named() -> None:
    with pytest.raises(UsageError, match="which model") as caught:
        specify(ModelChoice("agx-nano", BackendKind.OPENAI))
    assert "--model" in caught.value.hint
