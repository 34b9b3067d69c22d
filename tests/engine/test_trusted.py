"""Models of strangers that are run as they are: what they give, and what is said where that can't be."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from inspector.checkpoint import open_checkpoint
from inspector.engine import trusted
from inspector.engine.predict import predict_image
from inspector.engine.problems import EngineError, LabelsError, PredictionError
from inspector.engine.trusted import ASSUMED, Classifier, load_trusted
from inspector.engine.trusted_code import TrustedCodeError, UnlistedNameError

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 7, 5), nn.BatchNorm2d(8)
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(8, classes)

    def forward(self, x):
        return self.head(self.drop(self.norm(self.conv(x)).amax((2, 3))))
"""

Save = Callable[..., Path]

#: TorchScript is deprecated, and still what people have.
scripts = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(autouse=True)
def _own_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The path and the loaded modules of this process are as before afterwards."""
    loaded = dict(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.update(loaded)
    for name in sys.modules.keys() - loaded.keys():
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Save an instance of a class that only a folder's module defines, and forget that module."""

    def make(code: str = NET, expression: str = "Net().eval()", *, module: str = "my_net", **options: Any) -> Path:
        folder, path = tmp_path / "code", tmp_path / "model.pth"
        folder.mkdir(exist_ok=True)
        (folder / f"{module}.py").write_text(code)
        made = types.ModuleType(module)
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, made)
            torch.manual_seed(3)
            exec(code, made.__dict__)
            torch.save(eval(expression, made.__dict__), path, **options)
        return path

    return make


def names_in(path: Path) -> list[str]:
    with open_checkpoint(path) as checkpoint:
        return [name for name, _ in checkpoint.globals]


def load(path: Path, **options: Any) -> Any:
    options.setdefault("listed", names_in(path))
    with path.open("rb") as file:
        return load_trusted(file, options.pop("kind", "pickled"), name=path.name, device="cpu", **options)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_private_class_with_its_folder(save: Save, tmp_path: Path, photo: Image.Image, zipped: bool) -> None:
    path = save(_use_new_zipfile_serialization=zipped)
    made = load(path, source=tmp_path / "code")
    assert (made.architecture, made.num_classes, made.device) == ("my_net.Net", 4, "cpu")
    assert made.eval_report.sentence == "eval mode: 1 dropout and 1 batch-norm layers fixed"
    found = predict_image(made, photo, 3)
    net = made.model.inner
    with torch.inference_mode():
        scores = net(ASSUMED.transform()(photo)[None]).softmax(1)[0]
    assert [row.index for row in found.predictions] == scores.argsort(descending=True)[:3].tolist()
    assert [row.score for row in found.predictions] == pytest.approx(scores.sort(descending=True)[0][:3].tolist())
    assert [row.label for row in found.predictions] == [str(row.index) for row in found.predictions]
    assert not list((tmp_path / "code").rglob("__pycache__"))


def test_the_folder_comes_behind_the_standard_library(save: Save, tmp_path: Path) -> None:
    path = save()
    (tmp_path / "code" / "json.py").write_text("raise SystemExit('the wrong json')")
    (tmp_path / "code" / "wave.py").write_text("raise SystemExit('the wrong wave')")
    sys.modules.pop("wave", None)
    load(path, source=tmp_path / "code")
    import importlib

    assert str(tmp_path) not in str(importlib.import_module("wave").__file__)
    del sys.modules["json"]
    assert str(tmp_path) not in str(importlib.import_module("json").__file__)


def test_the_folder_comes_before_installed_packages(save: Save, tmp_path: Path) -> None:
    path = save(module="iniconfig")  # pytest brings a package of that name
    for name in [name for name in sys.modules if name.startswith("iniconfig")]:
        del sys.modules[name]
    made = load(path, source=tmp_path / "code")
    assert made.architecture == "iniconfig.Net"
    assert Path(str(sys.modules["iniconfig"].__file__)).parent == tmp_path / "code"


def test_a_class_of_the_program_that_saved_it(save: Save, tmp_path: Path) -> None:
    path = save(module="__main__")
    (tmp_path / "code" / "__main__.py").unlink()
    with pytest.raises(TrustedCodeError, match="defined in the program") as caught:
        load(path)
    assert "which defines Net" in caught.value.hint
    (tmp_path / "code" / "train-it.py").write_text(NET + "\nif __name__ == '__main__':\n    raise SystemExit(5)\n")
    (tmp_path / "code" / "other.py").write_text("def broken(:")
    assert load(path, source=tmp_path / "code").architecture == "train-it.Net"
    (tmp_path / "code" / "copy.py").write_text(NET)
    with pytest.raises(TrustedCodeError, match=r"copy\.py and train-it\.py both define it"):
        load(path, source=tmp_path / "code")


def test_a_missing_module_is_named(save: Save, tmp_path: Path) -> None:
    path = save()
    with pytest.raises(TrustedCodeError) as caught:
        load(path)
    assert caught.value.message == "The file needs the module 'my_net'."
    assert caught.value.hint == "Choose the folder that holds my_net.py or a folder my_net."
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrustedCodeError, match=r"'my_net', which is not in .*empty"):
        load(path, source=tmp_path / "empty")


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("import no_such_library", "'my_net' needs the module 'no_such_library'", "Install no_such_library"),
        ("class Other: pass", "needs Net, which the module 'my_net' does not have", "the version of the code"),
        ("raise SystemExit(3)", "can't be imported: SystemExit: 3", "another version"),
        ("def broken(:", "can't be imported: SyntaxError", "another version"),
    ],
)
def test_code_that_does_not_work(save: Save, tmp_path: Path, code: str, message: str, hint: str) -> None:
    path = save()
    (tmp_path / "code" / "my_net.py").write_text(code)
    with pytest.raises(TrustedCodeError) as caught:
        load(path, source=tmp_path / "code")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_name_that_was_not_listed_is_refused_before_anything_is_imported(save: Save, tmp_path: Path) -> None:
    path = save()
    canary = tmp_path / "canary"
    (tmp_path / "code" / "my_net.py").write_text(f"open({str(canary)!r}, 'w').close()\n{NET}")
    listed = [name for name in names_in(path) if name != "my_net.Net"]
    with pytest.raises(UnlistedNameError, match=r"my_net\.Net"):
        load(path, source=tmp_path / "code", listed=listed)
    assert not canary.exists()
    load(path, source=tmp_path / "code")
    assert canary.exists()


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ("return {'logits': x, 'aux': x}", r"a dictionary \(logits, aux\)"),
        ("return x, x", "a tuple of 2"),
        ("return None", "a NoneType"),
        ("return x", "gives 1 × 3 × 224 × 224 for 1 image"),
        ("return x.mean((1, 2, 3), keepdim=False)[:, None]", "gives 1 × 1 for 1 image"),
        ("return x.mean()", "a single number"),
        ("return x.mean((2, 3)).int()", "not a score for each class"),
        ("raise KeyError('size')", "can't take images of 224 × 224 pixels: KeyError: 'size'"),
        ("raise SystemExit", "can't take images of 224 × 224 pixels: SystemExit"),
        ("return x @ x[:, :, :5]", "can't take images of 224 × 224 pixels: RuntimeError"),
    ],
)
def test_outputs_that_are_no_scores(save: Save, tmp_path: Path, forward: str, said: str) -> None:
    code = f"from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        {forward}\n"
    with pytest.raises(PredictionError, match=said):
        load(save(code), source=tmp_path / "code")


def test_probabilities_are_not_softened_twice() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 9.0, 1.0]])
    for output in (logits, logits.softmax(1), logits.log_softmax(1)):
        with torch.inference_mode():
            scores = Classifier(_Gives(output))(torch.zeros(2, 3, 4, 4)).softmax(1)
        assert torch.allclose(scores, logits.softmax(1), atol=1e-6)


class _Gives(nn.Module):
    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = output

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.output


def test_a_model_within_a_training_checkpoint_in_half_precision(save: Save, tmp_path: Path, photo: Image.Image) -> None:
    path = save(expression="{'epoch': 3, 'model': Net().half()}")
    made = load(path, source=tmp_path / "code", inside="model", own_labels=["a", "b", "c", "d"])
    assert {row.label for row in predict_image(made, photo, 4).predictions} == {"a", "b", "c", "d"}
    assert {parameter.dtype for parameter in made.model.parameters()} == {torch.float32}
    with pytest.raises(EngineError, match="holds a dict and no model"):
        load(path, source=tmp_path / "code")


def test_labels_of_the_person_must_fit_and_the_file_s_own_are_left_out(save: Save, tmp_path: Path) -> None:
    path = save()
    with pytest.raises(LabelsError, match="2 class names"):
        load(path, source=tmp_path / "code", labels=["a", "b"])
    assert load(path, source=tmp_path / "code", own_labels=["a"]).labels == ("0", "1", "2", "3")


def test_a_module_that_does_not_keep_to_eval_mode(save: Save, tmp_path: Path) -> None:
    code = NET + "\n    def train(self, mode=True):\n        return super().train(True)\n"
    with pytest.raises(EngineError, match="not in eval mode"):
        load(save(code), source=tmp_path / "code")


@scripts
@pytest.mark.parametrize("frozen", [False, True])
def test_torchscript(tmp_path: Path, photo: Image.Image, frozen: bool) -> None:
    torch.manual_seed(1)
    plain = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout())
    scripted = torch.jit.script(plain.eval())
    torch.jit.save(torch.jit.freeze(scripted) if frozen else scripted, str(tmp_path / "model.pt"))
    made = load(tmp_path / "model.pt", kind="torchscript", listed=())
    assert (made.architecture, made.num_classes) == ("Sequential", 5)
    assert (made.eval_report.dropout, made.eval_report.batch_norm) == ((0, 0) if frozen else (1, 1))
    found = predict_image(made, photo, 1)
    with torch.inference_mode():
        expected = plain(ASSUMED.transform()(photo)[None]).softmax(1)[0]
    assert found.predictions[0].index == int(expected.argmax())
    assert found.predictions[0].score == pytest.approx(float(expected.max()), abs=1e-5)


@scripts
def test_torchscript_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04 and nothing else")
    with (tmp_path / "model.pt").open("rb") as file, pytest.raises(trusted.TrustedModelError, match="can't be loaded"):
        load_trusted(file, "torchscript", name="model.pt", device="cpu")
