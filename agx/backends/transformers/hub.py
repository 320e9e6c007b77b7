"""A repository of the hub as a folder of this machine. `HF_HUB_OFFLINE` and `HF_TOKEN` are respected."""

from __future__ import annotations

from pathlib import Path

from agx.errors import BackendUnreachable, ModelMissing

# Weights in other formats, of other frameworks and in pickles, which are programs, are left where they are.
_WANTED = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")


def fetched(name: str, *, cache_dir: Path | None) -> Path:
    """Return the folder of a repository, after what it lacks was fetched.

    Raises `ModelMissing` where there is none, none without a network, or none for this user, and
    `BackendUnreachable` where the hub does not answer and nothing was fetched before.
    """
    from huggingface_hub import constants, errors, snapshot_download  # noqa: PLC0415  a folder needs no hub

    try:
        return Path(snapshot_download(name, cache_dir=cache_dir, allow_patterns=list(_WANTED)))
    except errors.GatedRepoError as error:
        hint = f"ask for access at https://huggingface.co/{name}, and set HF_TOKEN"
        raise ModelMissing(f"the hub gives {name} to those only who asked for access", hint=hint) from error
    except errors.RepositoryNotFoundError as error:
        hint = "look its name up at https://huggingface.co/models; set HF_TOKEN where it is private"
        raise ModelMissing(f"the hub has no repository {name}", hint=hint) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        hint = f"fetch it where there is a network: hf download {name}"
        if constants.HF_HUB_OFFLINE:
            raise ModelMissing(
                f"{name} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it",
                hint=f"{hint}; or unset HF_HUB_OFFLINE",
            ) from error
        raise BackendUnreachable(f"{name} is not here, and the hub cannot be reached", hint=hint) from error
    except OSError as error:
        hint = "try again; what was fetched so far is kept"
        raise BackendUnreachable(f"{name} could not be fetched: {str(error)[:300]}", hint=hint) from error
