"""torch and transformers, imported when a model is loaded, and kept quiet."""

from __future__ import annotations

from typing import Any

from agx.errors import Unsupported
from agx.util.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Libraries:
    """The modules of the extra `hf`; their own types are not known to ours."""

    torch: Any
    transformers: Any

    @property
    def build(self) -> str:
        """Return what computes, with its versions."""
        return f"transformers {self.transformers.__version__}, torch {self.torch.__version__}"


def import_libraries() -> Libraries:
    """Import both; raises `Unsupported` where one is not installed."""
    try:
        import torch  # noqa: PLC0415  takes seconds, and other backends do without
        import transformers  # noqa: PLC0415  as above
    except ImportError as error:
        raise Unsupported(
            f"the backend transformers needs the package {error.name}, which is not installed",
            hint="install it: pip install 'agx[hf]'",
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return Libraries(torch, transformers)
