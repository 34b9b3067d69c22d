"""What a session is made of. What a first look at a file does not need is imported and made at its first use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from inspector.processes.client import ProcessClient
from inspector.session.clients import Readers, Worker
from inspector.session.engine_link import EngineLink
from inspector.session.loop import Loop
from inspector.session.opening import Opening
from inspector.session.predicting import TOP, Predicting
from inspector.session.store import Store
from inspector.session.trusting import Trusting, TrustMemory
from inspector.session.viewing import Viewing
from inspector.session.waiting import Waiting

if TYPE_CHECKING:
    from inspector.session.copying import Copying
    from inspector.session.differing import Differing
    from inspector.session.explaining import Explaining
    from inspector.session.exporting import Exporting
    from inspector.session.images import Images
    from inspector.session.looking import Looking
    from inspector.session.official import OfficialChecks
    from inspector.session.pythons import Pythons
    from inspector.session.reloading import Reloading
    from inspector.session.side_by_side import SideBySide
    from inspector.session.surveying import Surveying
    from inspector.session.thumbnails import Thumbnails
    from inspector.session.watching import Watching
    from inspector.session.weights import Weights


class Parts:
    """The parts of a session, put together. Who needs only to know of a part's work asks first whether it is there.

    Parameters
    ----------
    loop
        Where answers of the processes are handled; all commands must be given on that loop's thread.
    engine_python
        The interpreter the engine runs on; ours where None.
    device
        ``"auto"``, or the device to compute on.
    top
        Classes per prediction.
    reader
        A reader process that was started ahead, for the first file.
    thumbnails
        Whether small pictures are made of the images, for a strip that shows them.
    trust_memory
        Where it is remembered which files' own models may run; they are not remembered where None.
    survey_cache
        A folder where the figures of surveyed files are kept; they are not where None.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        engine_python: str | None = None,
        device: str = "auto",
        top: int = TOP,
        reader: ProcessClient | None = None,
        thumbnails: bool = True,
        trust_memory: TrustMemory | None = None,
        survey_cache: str | None = None,
    ) -> None:
        self.store = Store()
        self.store.engine = type(self.store.engine)(device=device)
        self._loop, self._makes_thumbnails, self._survey_cache = loop, thumbnails, survey_cache
        self._readers, self._worker = Readers(loop, reader), Worker(loop)
        self._opening = Opening(
            self.store, loop, self._readers, self._worker, lambda found: self._official.check(found)
        )
        self._viewing = Viewing(self.store, self._worker)
        self._predicting = Predicting(self.store, loop, top)
        attached = self._predicting.predict_all
        self.engine = EngineLink(self.store, loop, attached, engine_python)
        self._trusting = Trusting(self.store, loop, attached, self.engine.release, engine_python, trust_memory)
        self._predicting.link, self._predicting.trusting = self.engine, self._trusting
        self._waiting = Waiting(self.store, self._predicting.predict, self.attach)

    def attach(self, number: int) -> None:
        """Build the architecture in the engine with the checkpoint's weights; a model that ran as it is ends."""
        found = self.store.checkpoints.get(number)
        if found is not None and found.attachment.trusted:
            self.store.drop_predictions(checkpoint=number)
        self.engine.attach(number)

    def close_processes(self) -> None:
        """End every child process, and the watching of files. The session is of no use afterwards."""
        self._loop.close()
        for name in (
            "_copying",
            "exporting",
            "_watching",
            "_readers",
            "_worker",
            "_official",
            "weights",
            "surveying",
            "pythons",
        ):
            if self._is_made(name):
                getattr(self, name).close()
        self.engine.close()
        self._trusting.close()

    def _forget(self, number: int) -> None:
        """End what is done for a checkpoint that is closed."""
        self._waiting.forget(number)
        if self._is_made("_copying"):
            self._copying.cancel(number)
        for name in ("_reloading", "_watching", "_official"):
            if self._is_made(name):
                getattr(self, name).forget(number)

    def _is_made(self, part: str) -> bool:
        return part in self.__dict__

    def _recognised(self, number: int) -> None:
        """Predict with what goes with an official file, where that was not known yet when it was attached."""
        if self.store.checkpoints[number].attachment.phase in ("running", "ready"):
            self.store.drop_predictions(checkpoint=number)
            self.attach(number)

    @property
    def is_saving(self) -> bool:
        """Whether pictures are being saved."""
        return self._is_made("exporting") and self.exporting.is_saving

    @property
    def unfinished_predictions(self) -> int:
        """Images that wait for a prediction or are being predicted, and those still to be added."""
        return self._predicting.unfinished + (self._images.unlisted if self._is_made("_images") else 0)

    # -- made at their first use -------------------------------------------------------------------------------

    @cached_property
    def pythons(self) -> Pythons:
        """The Python environments, and the choice of the engine's."""
        from inspector.session.pythons import Pythons

        return Pythons(self.store, self._loop, self.engine)

    @cached_property
    def looking(self) -> Looking:
        """What is looked at closely: what a model takes in, one point of a prediction."""
        from inspector.session.looking import Looking

        return Looking(self.store, self._worker, self.engine, self._trusting)

    @cached_property
    def explaining(self) -> Explaining:
        """Why a class was predicted, and what a layer sees."""
        from inspector.session.explaining import Explaining

        return Explaining(self.store, self.engine, self._trusting)

    @cached_property
    def exporting(self) -> Exporting:
        """Tables and pictures of the predictions."""
        from inspector.session.exporting import Exporting

        return Exporting(self.store, self._loop, self._images.save_picture)

    @cached_property
    def weights(self) -> Weights:
        """Questions about the values of tensors."""
        from inspector.session.weights import Weights

        return Weights(self.store, self._loop)

    @cached_property
    def surveying(self) -> Surveying:
        """The figures of all tensors. From its first use on, what is shown is surveyed without being asked for."""
        from inspector.session.surveying import Surveying

        return Surveying(self.store, self._loop, self._survey_cache)

    @cached_property
    def differing(self) -> Differing:
        """The comparison of two open checkpoints."""
        from inspector.session.differing import Differing

        return Differing(self.store, self._loop)

    @cached_property
    def _images(self) -> Images:
        from inspector.session.images import Images

        return Images(self.store, self._loop, self._worker, self._predicting.refetching.fetch)

    @cached_property
    def _thumbnails(self) -> Thumbnails:
        from inspector.session.thumbnails import Thumbnails

        made = Thumbnails(self.store, self._worker, enabled=self._makes_thumbnails)
        self.store.images_changed.connect(made.forget_removed)
        return made

    @cached_property
    def _official(self) -> OfficialChecks:
        from inspector.session.official import OfficialChecks

        return OfficialChecks(self.store, self._loop, self._worker, self._recognised)

    @cached_property
    def _watching(self) -> Watching:
        from inspector.session.watching import Watching

        return Watching(self.store, self._loop)

    @cached_property
    def _reloading(self) -> Reloading:
        from inspector.session.reloading import Reloading

        return Reloading(self.store, self._readers, self._opening, self._viewing, self.engine)

    @cached_property
    def _copying(self) -> Copying:
        from inspector.session.copying import Copying

        return Copying(self.store, self._loop, self._readers)

    @cached_property
    def _side_by_side(self) -> SideBySide:
        from inspector.session.side_by_side import SideBySide

        return SideBySide(self.store, self._predicting.predict_all, self.attach)
