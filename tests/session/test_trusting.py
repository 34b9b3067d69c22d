"""Models that run as they are: nothing before the person agrees, then what was inspected, as long as its tab."""

from __future__ import annotations

import os
import select
import signal
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch

from inspector.session.source_folder import SourceFolderError, hash_of_folder
from inspector.session.trust_offer import trust_offer

from .conftest import Driven, picture, saved

pytestmark = pytest.mark.usefixtures("temporary")

CODE = """
import os
from torch import nn

with open(os.path.join(os.path.dirname(__file__), "ran"), "a") as canary:
    canary.write("once ")

class Net(nn.Module):
    def __init__(self, delay=0):
        super().__init__()
        self.head, self.delay = nn.Linear(3, 4), delay

    def forward(self, x):
        import time
        time.sleep(self.delay if x.any() else 0)  # a slow model, not a test that waits
        if x.shape[-1] == 224 and (x[0, 0, 0, 0] > 2).item():
            os._exit(9)
        return self.head(x.mean((2, 3)))

    def __setstate__(self, state):
        super().__setstate__(state)
        with open(os.path.join(os.path.dirname(__file__), "loaded"), "a") as canary:
            canary.write("once ")
"""

Make = Callable[..., Path]


class Memory:
    """What is remembered, as the settings do."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, str]] = {}

    @property
    def trusted_files(self) -> Mapping[str, tuple[str, str]]:
        return self.kept

    def remember_trust(self, sha256: str, source: str, source_hash: str) -> None:
        self.kept[sha256] = (source, source_hash)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "my_net.py").write_text(CODE)
    return folder


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Save a model of a private class that this process forgets."""

    def save(expression: str = "Net()", name: str = "model.pth") -> Path:
        made = types.ModuleType("my_net")
        (tmp_path / "made").mkdir(exist_ok=True)
        made.__file__ = str(tmp_path / "made" / "my_net.py")
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "my_net", made)
            torch.manual_seed(5)
            exec(CODE, made.__dict__)
            torch.save(eval(expression, made.__dict__), tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def remembering() -> Iterator[tuple[Driven, Memory]]:
    memory = Memory()
    made = Driven(trust_memory=memory)
    yield made, memory
    made.session.close_processes()


def trusted(driven: Driven, path: Path, source: Path | None, *, remember: bool = False) -> int:
    number = driven.open(path)
    driven.session.trust(number, source, remember=remember)
    settled(driven, number)
    return number


def settled(driven: Driven, number: int) -> None:
    driven.until(lambda: driven.checkpoint(number).attachment.phase in ("ready", "failed"))


def process_of(driven: Driven, number: int) -> int:
    found = driven.session._trusting.process_id(number)
    assert found is not None
    return found


def copies(temporary: Path) -> list[Path]:
    return sorted(temporary.glob("inspector-trusted-copy-*"))


def test_nothing_runs_before_the_person_agrees_and_then_just_there(
    driven: Driven, make: Make, code: Path, tmp_path: Path, temporary: Path
) -> None:
    path, image = make(), picture(tmp_path / "a.png")
    (code / "json.py").write_text("import os\nos._exit(66)\n")
    number = driven.open(path)
    summary = driven.checkpoint(number).summary
    assert summary is not None
    offer = trust_offer(summary, driven.checkpoint(number).state_dict)
    assert offer is not None
    assert (offer.class_name, offer.module, offer.refusal, offer.is_private) == ("my_net.Net", "my_net", "", True)
    assert offer.imports == "my_net.Net and 1 class of torch or torchvision"
    driven.session.attach(number)  # which does not fit, and is no agreement
    driven.session.add_images([image])
    driven.until(lambda: bool(driven.store.images))
    assert not (code / "ran").exists()
    assert copies(temporary) == []

    driven.session.trust(number, code)
    settled(driven, number)
    attachment = driven.checkpoint(number).attachment
    assert attachment.failure is None
    assert (attachment.trusted, attachment.architecture, attachment.num_classes) == (True, "my_net.Net", 4)
    assert attachment.eval_sentence.startswith("eval mode")
    assert attachment.preprocessing["source"] == "assumed"
    assert ((code / "ran").read_text(), (code / "loaded").read_text()) == ("once ", "once ")
    (prediction,) = driven.predict(number, image)
    assert prediction.failure is None
    assert len(prediction.classes) == 4
    assert process_of(driven, number) not in (driven.session.engine.process_id, os.getpid())
    assert not (code / "__pycache__").exists()


def test_closing_its_tab_ends_the_process_and_deletes_the_copy_and_the_engine_goes_on(
    driven: Driven, make: Make, code: Path, tmp_path: Path, temporary: Path
) -> None:
    other = driven.attached(saved(tmp_path / "other.pth"))
    engine = driven.session.engine.process_id
    number = trusted(driven, make(), code)
    assert len(copies(temporary)) == 1
    run = driven.session._trusting._runs[number]
    client = run.client
    assert client is not None
    driven.session.close(number)
    client.process.wait(10)
    assert copies(temporary) == []
    driven.session.show(other)
    assert driven.predict(other, picture(tmp_path / "a.png"))[0].phase == "ready"
    assert driven.session.engine.process_id == engine
    assert driven.notices == []


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="watches a process as Linux does")
def test_what_the_model_started_ends_with_it(driven: Driven, make: Make, code: Path) -> None:
    started = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
    keep = "open(os.path.join(os.path.dirname(__file__), 'child'), 'w').write(str(child.pid))\n"
    (code / "my_net.py").write_text(f"import os\n{started}{keep}{CODE}")
    number = trusted(driven, make(), code)
    child = os.pidfd_open(int((code / "child").read_text()))
    driven.session.close(number)
    poll = select.poll()
    poll.register(child, select.POLLIN)
    assert poll.poll(10_000)
    os.close(child)


def test_a_model_that_ends_its_process_or_hangs_leaves_the_other_tabs_alone(
    driven: Driven, make: Make, code: Path, tmp_path: Path, temporary: Path
) -> None:
    other = driven.attached(saved(tmp_path / "other.pth"))
    engine = driven.session.engine.process_id
    slow = trusted(driven, make("Net(60)"), code)
    driven.session.add_images([picture(tmp_path / f"{place}.png", place) for place in range(3)])
    driven.until(lambda: sum(found.phase == "running" for found in driven.store.predictions.values()) == 3)
    driven.session.show(other)
    driven.until(lambda: sum(key[0] == other for key in driven.store.predictions) == 3)
    driven.until(
        lambda: all(found.phase == "ready" for key, found in driven.store.predictions.items() if key[0] == other)
    )
    os.kill(process_of(driven, slow), signal.SIGKILL)
    driven.until(lambda: driven.checkpoint(slow).attachment.phase == "failed")
    failure = driven.checkpoint(slow).attachment.failure
    assert failure is not None
    assert failure.sentence == "The process of my_net.Net was stopped by signal 9. Run it again."
    driven.until(lambda: driven.session.unfinished_predictions == 0)
    assert driven.session.engine.process_id == engine
    assert copies(temporary) == []


def test_the_engine_s_death_and_restart_leave_a_trusted_model_alone(
    driven: Driven, make: Make, code: Path, tmp_path: Path
) -> None:
    number = trusted(driven, make(), code)
    before = process_of(driven, number)
    driven.session.engine.start()
    driven.until(lambda: driven.store.engine.phase == "ready")
    driven.session.engine.restart()
    driven.until(lambda: driven.store.engine.phase == "ready")
    assert driven.checkpoint(number).attachment.phase == "ready"
    assert process_of(driven, number) == before
    assert driven.predict(number, picture(tmp_path / "a.png"))[0].phase == "ready"


def test_a_file_swapped_after_it_was_inspected_is_refused(
    driven: Driven, make: Make, code: Path, temporary: Path
) -> None:
    path = make()
    number = driven.open(path)
    other = make("nn.Sequential(Net())", "other.pth")
    os.replace(other, path)
    driven.session.trust(number, code)
    settled(driven, number)
    failure = driven.checkpoint(number).attachment.failure
    assert failure is not None
    assert failure.kind == "FileChangedError"
    assert not (code / "ran").exists()
    assert copies(temporary) == []


def test_a_copy_changed_before_it_runs_is_refused(driven: Driven, make: Make, code: Path) -> None:
    number = trusted(driven, make(), code)
    copy = driven.session._trusting._runs[number].copy
    assert copy is not None
    (code / "ran").unlink()
    copy.path.write_bytes(copy.path.read_bytes() + b"more")
    driven.session.choose_device("cpu")  # which runs it again, from the copy
    settled(driven, number)
    failure = driven.checkpoint(number).attachment.failure
    assert failure is not None
    assert failure.kind == "TrustRefusedError"
    assert not (code / "ran").exists()


def test_a_reload_ends_it(driven: Driven, make: Make, code: Path) -> None:
    path = make()
    number = trusted(driven, path, code)
    client = driven.session._trusting._runs[number].client
    assert client is not None
    make()  # written anew
    driven.session.reload(number)
    driven.until(lambda: "Reloaded" in driven.texts())
    client.process.wait(10)
    assert driven.checkpoint(number).attachment.phase == "none"
    assert "its model runs no more" in driven.texts()
    assert (code / "ran").read_text() == "once "


def test_what_is_missing_is_named_and_the_next_try_works(driven: Driven, make: Make, code: Path) -> None:
    number = trusted(driven, make(), None)
    failure = driven.checkpoint(number).attachment.failure
    assert failure is not None
    assert failure.sentence.startswith("The file needs the module 'my_net'. Choose the folder that holds my_net.py")
    assert driven.notices[-1].level == "error"
    driven.session.trust(number, code)
    settled(driven, number)
    assert driven.checkpoint(number).attachment.phase == "ready"


def test_new_labels_and_cancelling(driven: Driven, make: Make, code: Path, tmp_path: Path, temporary: Path) -> None:
    number = trusted(driven, make(), code)
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\ndog\n")
    driven.session.choose_labels(number, tmp_path / "labels.txt")
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "running")
    settled(driven, number)
    assert driven.checkpoint(number).attachment.labels_from == "labels from labels.txt"
    assert driven.predict(number, picture(tmp_path / "a.png"))[0].classes[0].label in ("ant", "bee", "cat", "dog")
    driven.session.choose_device("cpu")
    assert driven.checkpoint(number).attachment.phase == "running"
    driven.session.cancel_attach(number)
    assert driven.checkpoint(number).attachment.phase == "none"
    assert copies(temporary) == []


def test_a_dangerous_file_is_never_run(driven: Driven, tmp_path: Path, temporary: Path) -> None:
    canary = tmp_path / "canary"

    class Act:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(canary),)

    model = torch.nn.Linear(3, 4)
    model.extra = Act()  # type: ignore[assignment]
    torch.save(model, tmp_path / "model.pth")
    number = driven.open(tmp_path / "model.pth")
    driven.session.trust(number, None)
    assert "never runs this file: it names posix.mkdir" in driven.texts()
    assert driven.checkpoint(number).attachment.phase == "none"
    assert copies(temporary) == []
    assert not canary.exists()


def test_a_state_dict_has_nothing_to_run(driven: Driven, tmp_path: Path) -> None:
    number = driven.open(saved(tmp_path / "a.pth"))
    driven.session.trust(number, None)
    assert "holds no whole model" in driven.texts()
    assert driven.checkpoint(number).attachment.phase == "none"


# -- remembering -------------------------------------------------------------------------------------------------


def test_a_choice_is_remembered_for_this_file_and_this_code(
    remembering: tuple[Driven, Memory], make: Make, code: Path, temporary: Path
) -> None:
    driven, memory = remembering
    asked: list[str] = []
    path = make()
    number = driven.open(path)
    driven.session.trust_if_remembered(number, asked.append)
    assert asked == [""]
    assert copies(temporary) == []
    trusted(driven, path, temporary, remember=True)  # which is not the folder of the code
    assert driven.checkpoint(number).attachment.phase == "failed"
    assert memory.kept == {}
    number = trusted(driven, path, code)
    assert memory.kept == {}
    (code / "ran").unlink()  # which it wrote itself: the code must stay as it is
    (code / "loaded").unlink()
    (code / "my_net.py").write_text(CODE.replace("os.path.dirname(__file__)", repr(str(temporary.parent))))
    number = trusted(driven, path, code, remember=True)
    assert len(memory.kept) == 1
    driven.session.close(number)

    number = driven.open(path)
    driven.session.trust_if_remembered(number, asked.append)
    settled(driven, number)
    assert driven.checkpoint(number).attachment.phase == "ready"
    assert asked == [""]
    driven.session.close(number)

    (code / "helper.py").write_text("changed = True\n")
    number = driven.open(path)
    driven.session.trust_if_remembered(number, asked.append)
    driven.until(lambda: len(asked) == 2)
    assert "has changed since you agreed" in asked[1]
    (code / "helper.py").unlink()
    other = driven.open(make("nn.Sequential(Net())", "other.pth"))
    driven.session.trust_if_remembered(other, asked.append)
    driven.until(lambda: len(asked) == 3)
    assert asked[2] == ""
    assert driven.checkpoint(number).attachment.phase == driven.checkpoint(other).attachment.phase == "none"
    assert copies(temporary) == []


def test_closing_while_a_choice_is_looked_up(remembering: tuple[Driven, Memory], make: Make, temporary: Path) -> None:
    driven, memory = remembering
    memory.kept["0" * 64] = ("", "")
    asked: list[str] = []
    number = driven.open(make())
    driven.session.trust_if_remembered(number, asked.append)
    driven.session.close(number)
    driven.until(lambda: copies(temporary) == [] and not driven.session._trusting._looking)
    assert asked == []


def test_the_hash_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    (folder / "package" / "__pycache__").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n")
    (folder / "package" / "b.py").write_text("b = 1\n")
    first = hash_of_folder(folder)
    (folder / "package" / "__pycache__" / "b.pyc").write_bytes(b"compiled")
    (folder / ".git").mkdir()
    (folder / ".git" / "index").write_bytes(b"1")
    assert hash_of_folder(folder) == first
    (folder / "a.py").rename(folder / "c.py")
    second = hash_of_folder(folder)
    (folder / "c.py").write_text("a = 2\n")
    assert len({first, second, hash_of_folder(folder)}) == 3
    (folder / "link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(SourceFolderError, match="leads elsewhere by the link link"):
        hash_of_folder(folder)
    with pytest.raises(SourceFolderError, match="can't be read"):
        hash_of_folder(tmp_path / "gone")
    with (folder / "large.bin").open("wb") as large:
        large.truncate(300 << 20)
    (folder / "link").unlink()
    with pytest.raises(SourceFolderError, match="far more than code"):
        hash_of_folder(folder)


def test_a_process_that_hangs_is_ended_whatever_it_was_asked(
    driven: Driven, make: Make, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = trusted(driven, make(), code)
    driven.predict(number, picture(tmp_path / "a.png"))
    (image,) = driven.store.images
    monkeypatch.setattr("inspector.processes.client.BEATS", 2)
    os.kill(process_of(driven, number), signal.SIGSTOP)
    failures: list[object] = []
    driven.session.looking.model_input(number, image, lambda _: None, failures.append)
    driven.until(lambda: bool(failures) and driven.checkpoint(number).attachment.phase == "failed")
    assert "did not answer any more" in driven.texts()


def test_of_a_model_that_takes_a_minute_it_is_said_and_it_goes_on(
    driven: Driven, make: Make, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = trusted(driven, make("Net(4)"), code)
    monkeypatch.setattr("inspector.processes.client.SILENT_BEATS", 1)
    (made,) = driven.predict(number, picture(tmp_path / "a.png"))
    assert made.phase == "ready"
    assert "my_net.Net has given no answer for a minute" in driven.texts()
