"""Which backend a kind gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agx.backends.base import BackendKind
from agx.backends.create import create_backend
from agx.errors import Unsupported


@pytest.mark.parametrize("kind", [BackendKind.AUTO, BackendKind.LLAMACPP])
async def test_a_gguf_model_goes_to_llamacpp_and_nothing_is_started(kind: BackendKind) -> None:
    backend = create_backend(kind, model=Path("/no/such/model.gguf"), threads=1)
    assert (backend.backend_type, backend.model_name) == (BackendKind.LLAMACPP, "model")
    await backend.aclose()


@pytest.mark.parametrize("kind", [BackendKind.OLLAMA, BackendKind.OPENAI, BackendKind.SCRIPTED])
def test_what_this_version_lacks_is_unsupported(kind: BackendKind) -> None:
    with pytest.raises(Unsupported, match=kind.value) as caught:
        create_backend(kind, model=Path("model.gguf"))
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_neither_llama_cpp_nor_llguidance_is_imported_in_this_process(tiny_model: Path) -> None:
    program = f"""if True:
        import asyncio, sys
        from pathlib import Path
        from agx.backends.base import BackendKind
        from agx.backends.create import create_backend
        async def main():
            backend = create_backend(BackendKind.AUTO, model=Path({str(tiny_model)!r}), device="cpu")
            print((await backend.health_check()).ok)
            await backend.aclose()
        asyncio.run(main())
        loaded = {{name.partition(".")[0] for name in sys.modules}}
        print({{"llama_cpp", "llguidance", "numpy", "jinja2"}} & loaded)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\nset()\n"
