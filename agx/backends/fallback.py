"""A backend that holds backends: the first of them that can load its model generates.

What cannot be used is left for the next, and said once. A request goes on with the next backend only while
nothing of its text has been given out: what is half streamed is never started again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from agx.backends.base import BackendKind, Health, ModelBackend, ModelFacts
from agx.backends.plans import GeneratesPlans
from agx.backends.specs import Attachments, BackendSpec, FallbackSpec
from agx.errors import (
    AgxError,
    BackendError,
    DeadlineExceeded,
    ModelBroken,
    ModelMissing,
    ModelUnloadable,
    OutOfMemory,
    Unsupported,
    UsageError,
    from_dict,
)
from agx.requests import Chunk, GenerationRequest

Create = Callable[[BackendSpec, Attachments], ModelBackend]
# What another backend may do better; what the caller got wrong is wrong for all of them.
_LEFT_TO_NEXT = (ModelMissing, ModelUnloadable, ModelBroken, BackendError, OutOfMemory, Unsupported)


def is_left_to_next(error: AgxError) -> bool:
    """Return whether the next backend is tried after an error; a time limit holds for all together."""
    return isinstance(error, _LEFT_TO_NEXT) and not isinstance(error, DeadlineExceeded)


class FallbackBackend(GeneratesPlans):
    """Several backends in order, opened one by one by `create` as they are needed.

    When none can be used, the first one's error is raised with what became of the others, and the next call
    begins again with the first.
    """

    def __init__(self, spec: FallbackSpec, attached: Attachments | None = None, *, create: Create) -> None:
        self._specs = spec.specs
        self._attached = attached or Attachments()
        self._create = create
        self._index = 0
        self._backend: ModelBackend | None = None
        self._is_loaded = False
        self._failed: list[tuple[BackendKind, AgxError]] = []
        self._told: set[str] = set()
        self._opening = asyncio.Lock()
        self._is_closed = False

    def __repr__(self) -> str:
        names = ", ".join(spec.backend.value for spec in self._specs)
        return f"<FallbackBackend {names}; now {self._backend or self.backend_type.value}>"

    @property
    def backend_type(self) -> BackendKind:
        """Which kind generates now, or is tried next."""
        return self._specs[self._index].backend

    @property
    def model_name(self) -> str:
        """The model of the backend that generates now; empty before one was opened."""
        return "" if self._backend is None else self._backend.model_name

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the text; before its first chunk, the next backend takes the place of one that fails."""
        now = asyncio.get_running_loop().time
        started = now()
        while True:
            backend, has_begun = await self._usable(), False
            try:
                async with aclosing(backend.generate(_left(request, now() - started))) as chunks:
                    async for chunk in chunks:
                        has_begun = True
                        yield chunk
            except AgxError as error:
                if has_begun or not is_left_to_next(error) or not await self._leave(backend, error):
                    raise
                # The request was made for a model that takes grammars, and another one may not.
                if request.grammar is not None:
                    raise
            else:
                return

    async def model_facts(self) -> ModelFacts:
        """Load the first model that can be loaded, and return its facts."""
        facts = await (await self._usable()).model_facts()
        return replace(facts, fell_back_from=_said(self._failed) or None)

    async def render(self, request: GenerationRequest) -> tuple[str, int]:
        """Return what the backend in use makes of a request."""
        return await (await self._usable()).render(request)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors of the backend in use."""
        return await (await self._usable()).embed(texts)

    async def health_check(self) -> Health:
        """Say whether one of them can plan; `facts["backends"]` has the health of each, by its kind."""
        try:
            used = await (await self._usable()).health_check()
        except AgxError as error:
            return Health(ok=False, detail=error.message, facts=error.as_dict())
        each = {kind.value: _unhealthy(error) for kind, error in self._failed}
        each[self.backend_type.value] = {"ok": used.ok, "detail": used.detail}
        for spec in self._specs[self._index + 1 :]:
            each[spec.backend.value] = await self._health_of(spec)
        return replace(used, facts={**used.facts, "backends": each})

    async def aclose(self) -> None:
        """Close the backend in use; safe to call twice."""
        self._is_closed = True
        backend, self._backend, self._is_loaded = self._backend, None, False
        if backend is not None:
            await backend.aclose()
        worker, self._attached = self._attached.worker, replace(self._attached, worker=None)
        if worker is not None:
            worker.kill()

    async def _usable(self) -> ModelBackend:
        """Return the first backend whose model is loaded."""
        async with self._opening:
            while True:
                if self._is_closed:
                    raise UsageError("the backend is closed", hint="make a new one")
                try:
                    backend = self._opened()
                    if not self._is_loaded:
                        await backend.model_facts()
                except AgxError as error:
                    if not is_left_to_next(error):
                        raise
                    if not await self._go_on(error):
                        raise self._none_left() from error
                    continue
                if not self._is_loaded:
                    self._is_loaded = True
                    self._tell()
                return backend

    def _opened(self) -> ModelBackend:
        if self._backend is None:
            self._backend = self._create(self._specs[self._index], self._attached)
            # A worker that was started beforehand is the first one's.
            self._attached = replace(self._attached, worker=None)
        return self._backend

    async def _leave(self, backend: ModelBackend, error: AgxError) -> bool:
        """Go on to the next after a failure of `backend`; returns whether there is another to ask."""
        async with self._opening:
            if self._backend is not backend:  # another request has gone on already
                return self._backend is not None
            if self._index + 1 == len(self._specs):
                return False
            return await self._go_on(error)

    async def _go_on(self, error: AgxError) -> bool:
        """Close the backend in use and turn to the next; returns whether there is one."""
        self._failed.append((self.backend_type, error))
        backend, self._backend, self._is_loaded = self._backend, None, False
        if backend is not None:
            await backend.aclose()
        if self._index + 1 == len(self._specs):
            return False
        self._index += 1
        return True

    def _none_left(self) -> AgxError:
        """Return the error of all of them, and begin with the first the next time."""
        failed, self._failed, self._index = self._failed, [], 0
        (_, first), *others = failed
        said = first.as_dict() | {"message": first.message + "".join(f"; {_said([one])}" for one in others)}
        tried = [{"backend": kind.value, **error.as_dict()} for kind, error in failed]
        return from_dict(said | {"details": {**first.details, "tried": tried}})

    def _tell(self) -> None:
        """Say once which backend takes the place of which, and why."""
        if not self._failed:
            return
        text = f"{self.backend_type.value} takes the place of {_said(self._failed)}"
        if text not in self._told and self._attached.on_warning is not None:
            self._attached.on_warning(text)
        self._told.add(text)

    async def _health_of(self, spec: BackendSpec) -> dict[str, Any]:
        try:
            backend = self._create(spec, Attachments())
        except AgxError as error:
            return _unhealthy(error)
        try:
            health = await backend.health_check()
        finally:
            await backend.aclose()
        return {"ok": health.ok, "detail": health.detail, "hint": health.facts.get("hint", "")}


def _said(failed: Sequence[tuple[BackendKind, AgxError]]) -> str:
    return "; ".join(f"{kind.value} ({error.message})" for kind, error in failed)


def _unhealthy(error: AgxError) -> dict[str, Any]:
    return {"ok": False, "detail": error.message, "hint": error.hint}


def _left(request: GenerationRequest, gone_secs: float) -> GenerationRequest:
    """Return the request with what is left of its time limit."""
    if request.deadline_secs is None:
        return request
    return replace(request, deadline_secs=max(0.0, request.deadline_secs - gone_secs))
