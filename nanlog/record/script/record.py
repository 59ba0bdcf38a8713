"""One run of ``nanlog record``: from the moment the script imports torch to what is said when it has ended."""

from __future__ import annotations

import atexit
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .asked import Asked
from .places import folder_for

if TYPE_CHECKING:
    from .watch import Watch

__all__ = ["Record"]


class Record:
    """What the recorder itself gets wrong is said in one sentence, and never ends the script."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.watch: Watch | None = None
        self.folder: Path | None = None
        self.trouble: str | None = None
        self.unfinished: int | None = None
        self._forked = False
        atexit.register(self._say)  # after the script's own functions: it was registered before them

    def torch_is_there(self) -> None:
        """Torch has just been imported."""
        try:
            self._attach()
        except Exception as error:  # noqa: BLE001  whatever this torch lacks, the script is to run
            self.trouble = f"nothing is recorded: {type(error).__name__}: {error}"

    def _attach(self) -> None:
        from nanlog.record.bundle import About, rank_here
        from nanlog.record.flight import Settings

        from .cast import Cast
        from .probing import Probing
        from .watch import Watch

        asked = self.asked
        rank = rank_here()
        self.folder = folder_for(asked, rank)
        settings = Settings(self.folder, asked.memory, asked.batches, asked.state_every, asked.layers_every)
        script = ("-m " if asked.module else "") + asked.command[0]
        about = About(asked.target, asked.command, script, str(Path.cwd()), rank)
        first = (0, asked.probe_first) if asked.probe_first > 0 else (None, None)
        probing = Probing(*((asked.probe_from, None) if asked.probe_from is not None else first))
        stop = asked.stop or asked.locating
        self.watch = Watch(Cast(settings, about, self._write_outcome), probing, stop=stop)
        if asked.output is not None:  # a folder that was named may hold an earlier log
            self.watch.cast.log.unlink(missing_ok=True)
        self.watch.attach()
        self.loaders_are_there()

    def loaders_are_there(self) -> None:
        """So has its DataLoader, with torch or later."""
        if self.watch is not None and "torch.utils.data.dataloader" in sys.modules:
            self.watch.attach_to_loaders()

    def leave(self) -> None:
        """In a process that was forked from the script's nothing is recorded."""
        self._forked = True
        if self.watch is not None:
            self.watch.asleep = True
            with suppress(Exception):
                self.watch.probing.drop()

    def script_ended(self, error: BaseException | None) -> None:
        """Normally (None), by ``sys.exit`` or by an error."""
        watch = self.watch
        if watch is None or self._forked:
            return
        if watch.gave_up is not None:
            self.trouble = f"the record ended early: {type(watch.gave_up).__name__}: {watch.gave_up}"
        try:
            self._conclude(watch, error)
        except SystemExit:
            return
        except Exception as bug:  # noqa: BLE001
            self.trouble = f"the record is not complete: {type(bug).__name__}: {bug}"
        finally:
            with suppress(Exception):
                watch.probing.drop()
            watch.asleep = True

    def _conclude(self, watch: Watch, error: BaseException | None) -> None:
        failed = error is not None and not isinstance(error, KeyboardInterrupt | GeneratorExit)
        if isinstance(error, SystemExit) and error.code in (None, 0):
            failed = False
        flight = watch.cast.flight
        if flight is None:
            return
        if failed and watch.begun:
            watch.end(error)
        else:
            watch.given_up()
        if watch.begun and flight.found is None and not isinstance(error, KeyboardInterrupt):
            self.unfinished = flight.step
        flight.close()
        if flight.found is not None:
            self._write_outcome()

    def _write_outcome(self) -> None:
        from .outcome_of import write_outcome

        if self.watch is not None and self.watch.cast.flight is not None:
            try:
                write_outcome(self.watch.cast.flight, self.watch.probing, self.asked)
            except OSError as error:
                self.trouble = f"replay.json could not be written: {error}"

    def _say(self) -> None:
        if self._forked:
            return
        from .ending import said

        for line in said(self):
            with suppress(OSError, ValueError):
                sys.stderr.write(f"nanlog: {line}\n")
        if self._wants_locating():
            from .locating import locate

            locate(self)

    def _wants_locating(self) -> bool:
        watch: Any = self.watch
        if not self.asked.locate or watch is None or watch.cast.flight is None:
            return False
        return watch.probing.first is None and (watch.cast.flight.found is not None or self.unfinished is not None)
