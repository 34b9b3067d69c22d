"""From a file to the right label, as the window and the command line go it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.models import SqueezeNet1_1_Weights

from .conftest import Driven, model, picture, saved


def expected(image: Path, classes: int) -> list[tuple[int, float]]:
    """What torchvision's own model and transforms say."""
    preset = SqueezeNet1_1_Weights.IMAGENET1K_V1.transforms()
    with torch.inference_mode():
        scores = model(classes)(preset(Image.open(image).convert("RGB"))[None]).softmax(1)[0]
    values, indices = scores.topk(min(5, classes))
    return list(zip(indices.tolist(), values.tolist(), strict=True))


def test_open_identify_attach_and_predict(shared_session: Driven, tmp_path: Path) -> None:
    path, image = saved(tmp_path / "net.pth"), picture(tmp_path / "a.png")
    number = shared_session.open(path)
    found = shared_session.checkpoint(number)
    assert found.summary is not None
    assert (found.summary.kind, found.summary.safety, found.summary.container) == ("state_dict", "safe", "zip")
    assert found.identification is not None
    assert found.identification.match == "head"
    assert found.identification.candidates[0].architecture == "squeezenet1_1"
    report = found.match_report
    assert report is not None
    assert (report.complete, report.missing, report.unexpected, report.mismatched) == (True, (), 0, ())
    assert report.num_classes == 5
    assert set(report.marks.values()) == {"matched"}

    shared_session.session.attach(number)
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.phase == "ready")
    attachment = shared_session.checkpoint(number).attachment
    assert attachment.eval_sentence.startswith("eval mode")
    assert attachment.labels_from == "classes by number"
    assert attachment.device_description
    (prediction,) = shared_session.predict(number, image)
    assert prediction.failure is None
    for row, (index, score) in zip(prediction.classes, expected(image, 5), strict=True):
        assert row.index == index
        assert row.label == str(index)
        assert row.score == pytest.approx(score, abs=1e-4)
    assert prediction.milliseconds > 0


@pytest.mark.parametrize("container", ["legacy", "safetensors", "wrapped", "strided", "deflated"])
def test_every_container_gives_the_same_scores(shared_session: Driven, tmp_path: Path, container: str) -> None:
    state_dict, path = model().state_dict(), tmp_path / f"{container}.pth"
    if container == "legacy":
        torch.save(state_dict, path, _use_new_zipfile_serialization=False)
    elif container == "safetensors":
        from safetensors.torch import save_file

        path = path.with_suffix(".safetensors")
        save_file(state_dict, path)
    elif container == "wrapped":
        torch.save({f"module._orig_mod.{key}": value for key, value in state_dict.items()}, path)
    elif container == "strided":
        torch.save({key: torch.stack([value, value], -1)[..., 1] for key, value in state_dict.items()}, path)
    else:
        import zipfile

        torch.save(state_dict, tmp_path / "plain.pth")
        packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        with zipfile.ZipFile(tmp_path / "plain.pth") as source, packed as target:
            for name in source.namelist():
                target.writestr(name, source.read(name))
    image = picture(tmp_path / "a.png", 3)
    number = shared_session.attached(path)
    assert shared_session.checkpoint(number).attachment.failure is None
    (prediction,) = shared_session.predict(number, image)
    scores = [(row.index, row.score) for row in prediction.classes]
    assert [index for index, _ in scores] == [index for index, _ in expected(image, 5)]
    assert [score for _, score in scores] == pytest.approx([score for _, score in expected(image, 5)], abs=1e-4)
    shared_session.session.close(number)


def test_labels_from_the_checkpoint(shared_session: Driven, tmp_path: Path) -> None:
    names = ["ant", "bee", "cat", "dog", "eel"]
    number = shared_session.attached(saved(tmp_path / "a.pth", class_names=names))
    assert shared_session.checkpoint(number).attachment.labels_from == "labels from the checkpoint"
    (prediction,) = shared_session.predict(number, picture(tmp_path / "a.png"))
    assert all(row.label == names[row.index] for row in prediction.classes)


def test_too_few_labels_in_the_checkpoint_are_not_used(shared_session: Driven, tmp_path: Path) -> None:
    number = shared_session.attached(saved(tmp_path / "a.pth", class_names=["ant", "bee"]))
    assert shared_session.checkpoint(number).attachment.labels_from == "classes by number"


def test_imagenet_s_labels(shared_session: Driven, tmp_path: Path) -> None:
    number = shared_session.attached(saved(tmp_path / "a.pth", 1_000))
    assert shared_session.checkpoint(number).attachment.labels_from == "ImageNet labels"
    (prediction,) = shared_session.predict(number, picture(tmp_path / "a.png"))
    categories = SqueezeNet1_1_Weights.IMAGENET1K_V1.meta["categories"]
    assert all(row.label == categories[row.index] for row in prediction.classes)


@pytest.mark.parametrize("form", ["text", "list", "index", "name"])
def test_labels_from_a_file(shared_session: Driven, tmp_path: Path, form: str) -> None:
    names = ["ant", "bee", "cat", "dog", "eel"]
    tables = {
        "list": names,
        "index": {str(place): name for place, name in enumerate(names)},
        "name": {name: place for place, name in enumerate(names)},
    }
    path = tmp_path / ("labels.txt" if form == "text" else "labels.json")
    path.write_text("\n".join(names) if form == "text" else json.dumps(tables[form]), encoding="utf-8")
    number = shared_session.attached(saved(tmp_path / "a.pth"))
    image = picture(tmp_path / "a.png")
    shared_session.predict(number, image)
    shared_session.session.choose_labels(number, path)
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.labels_from == f"labels from {path.name}")
    (prediction,) = shared_session.predict(number, image)
    assert [row.label for row in prediction.classes] == [names[index] for index, _ in expected(image, 5)]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'{"a": 7}', b"{", b"3"])
def test_a_labels_file_that_is_none_is_told_and_changes_nothing(
    shared_session: Driven, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(content)
    number = shared_session.open(saved(tmp_path / "a.pth"))
    shared_session.notices.clear()
    shared_session.session.choose_labels(number, path)
    shared_session.until(lambda: bool(shared_session.notices))
    assert "labels.json" in shared_session.texts()
    assert shared_session.checkpoint(number).labels == ()


def test_labels_of_another_number_fail_the_attachment_in_a_sentence(shared_session: Driven, tmp_path: Path) -> None:
    labels = tmp_path / "two.txt"
    labels.write_text("ant\nbee\n", encoding="utf-8")
    number = shared_session.attached(saved(tmp_path / "a.pth"))
    shared_session.session.choose_labels(number, labels)
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.phase == "failed")
    failure = shared_session.checkpoint(number).attachment.failure
    assert failure is not None
    assert "2 class names" in failure.sentence
    labels.write_text("ant\nbee\ncat\ndog\neel\n", encoding="utf-8")
    shared_session.session.choose_labels(number, labels)
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.phase == "ready")


def test_a_broken_image_tells_it_and_the_next_one_works(shared_session: Driven, tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.png", picture(tmp_path / "good.png")
    broken.write_bytes(good.read_bytes()[:200])
    number = shared_session.attached(saved(tmp_path / "a.pth"))
    first, second = shared_session.predict(number, broken, good)
    assert first.failure is not None
    assert "broken.png" in first.failure.sentence
    assert second.phase == "ready"
    shown = {item.path: item for item in shared_session.store.images.values()}
    shared_session.session.show_thumbnails("test", [item.id for item in shown.values()])
    shared_session.until(lambda: _thumbnailed(shared_session, good))
    assert shown[broken].id != shown[good].id
    failed = next(item for item in shared_session.store.images.values() if item.path == broken)
    assert failed.failure is not None


def _thumbnailed(driven: Driven, path: Path) -> bool:
    return next(item for item in driven.store.images.values() if item.path == path).thumbnail is not None


def test_an_image_that_is_gone(shared_session: Driven, tmp_path: Path) -> None:
    number = shared_session.attached(saved(tmp_path / "a.pth"))
    (prediction,) = shared_session.predict(number, tmp_path / "gone.png")
    assert prediction.failure is not None
    assert "gone.png" in prediction.failure.sentence


def test_images_dropped_before_anything_is_attached(shared_session: Driven, tmp_path: Path) -> None:
    """Drop a file and an image at once: it is attached by itself, and predicted."""
    number = shared_session.session.open(saved(tmp_path / "a.pth"))
    (prediction,) = shared_session.predict(number, picture(tmp_path / "a.png"))
    assert prediction.phase == "ready"


def test_images_that_nothing_can_predict_are_not_waited_for(driven: Driven, tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3)}, tmp_path / "no_architecture.pth")
    torch.save(torch.ones(3), tmp_path / "no_model.pth")
    for name, said in (("no_architecture.pth", "Choose an architecture"), ("no_model.pth", "no_model.pth holds no")):
        driven.open(tmp_path / name)
        driven.session.add_images([picture(tmp_path / f"{name}.png")])
        driven.until(lambda said=said: said in driven.texts())  # type: ignore[misc]
        assert driven.session.unfinished_predictions == 0


def test_images_dropped_on_what_does_not_fit_are_predicted_once_it_is_attached(
    shared_session: Driven, tmp_path: Path
) -> None:
    number = shared_session.open(saved(tmp_path / "a.pth", classes=3))
    shared_session.session.choose_architecture(number, "resnet18")
    shared_session.until(lambda: shared_session.checkpoint(number).match_report is not None)
    image = picture(tmp_path / "a.png")
    shared_session.session.add_images([image])
    shared_session.until(lambda: any(item.path == image for item in shared_session.store.images.values()))
    (item,) = [item for item in shared_session.store.images.values() if item.path == image]
    assert (number, item.id) not in shared_session.store.predictions
    shared_session.session.choose_architecture(number, "squeezenet1_1")
    shared_session.until(lambda: shared_session.checkpoint(number).match_report is not None)
    shared_session.session.attach(number)
    shared_session.until(lambda: shared_session._is_finished(number, item.id))
    assert len(shared_session.store.predictions[number, item.id].classes) == 3


def test_what_is_said_of_the_state_dict_chosen_before_is_dropped(driven: Driven, tmp_path: Path) -> None:
    """A stale identification would be taken for the other's, and its architecture compared with it."""
    torch.save({"model": {"weight": torch.ones(3)}, "ema": model().state_dict()}, tmp_path / "two.pth")
    number = driven.session.open(tmp_path / "two.pth")
    driven.until(lambda: driven.checkpoint(number).phase == "ready")
    summary = driven.checkpoint(number).summary
    assert summary is not None
    paths = [found.path for found in summary.state_dicts]
    driven.until(lambda: bool(driven.store.catalogue))  # asked for just before the identification of the first
    driven.session.choose_state_dict(number, paths.index("ema"))
    driven.until(lambda: driven.checkpoint(number).identification is not None)
    identification = driven.checkpoint(number).identification
    assert identification is not None
    assert identification.candidates[0].architecture == "squeezenet1_1"


def test_a_folder_is_taken_once_in_natural_order(shared_session: Driven, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("image10.png", "image2.png", "image1.png"):
        picture(folder / name, size=(40, 30))
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    before = len(shared_session.store.images)
    shared_session.session.add_images([folder, folder / "image2.png", folder / ".." / "images" / "image1.png"])
    shared_session.until(lambda: len(shared_session.store.images) > before)
    added = list(shared_session.store.images.values())[before:]
    assert [item.name for item in added] == ["image1.png", "image2.png", "image10.png"]


def test_the_same_file_twice_is_one_tab(shared_session: Driven, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth")
    first = shared_session.open(path)
    assert shared_session.session.open(path) == first
    assert shared_session.session.open(tmp_path / "x" / ".." / "a.pth") == first


def test_a_file_that_changed_is_read_again(shared_session: Driven, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth")
    first = shared_session.open(path)
    saved(path, 7)
    assert shared_session.session.open(path) == first

    def compared_anew() -> bool:
        report = shared_session.checkpoint(first).match_report
        return report is not None and report.num_classes == 7

    shared_session.until(compared_anew)


def test_a_file_that_changed_before_attaching_is_a_sentence(shared_session: Driven, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth")
    number = shared_session.open(path)
    saved(path, 7)
    shared_session.session.attach(number)
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.phase == "failed")
    failure = shared_session.checkpoint(number).attachment.failure
    assert failure is not None
    assert failure.kind == "FileChangedError"
    assert "a.pth has changed" in failure.sentence
    assert "\n" not in failure.sentence


def test_a_file_cut_short_attaches_in_a_sentence_only(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    torch.save(model().state_dict(), path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-1_000])
    number = shared_session.attached(path)
    attachment = shared_session.checkpoint(number).attachment
    assert attachment.phase == "failed"
    assert attachment.failure is not None
    assert "cut short" in attachment.failure.sentence


def test_a_file_that_fails_to_open_is_a_sentence_and_can_be_opened_again(
    shared_session: Driven, tmp_path: Path
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"")
    shared_session.notices.clear()
    number = shared_session.open(path)
    failure = shared_session.checkpoint(number).failure
    assert failure is not None
    assert "empty" in failure.sentence
    assert [notice.level for notice in shared_session.notices] == ["error"]
    again = shared_session.open(saved(path))
    assert shared_session.checkpoint(again).phase == "ready"
    assert number not in shared_session.store.checkpoints


def test_a_module_without_parameters_opens(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "relu.pth"
    torch.save(torch.nn.ReLU(), path)
    number = shared_session.open(path)
    found = shared_session.checkpoint(number)
    assert found.summary is not None
    assert found.summary.kind == "pickled_model"
    shared_session.session.choose_architecture(number, "squeezenet1_1")
    shared_session.until(lambda: shared_session.checkpoint(number).match_report is not None)
    report = shared_session.checkpoint(number).match_report
    assert report is not None
    assert not report.complete
    assert report.marks == {}


def test_keys_that_look_the_same_open(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "odd.pth"
    torch.save({"a.\u202e": torch.ones(1), "a.\\u202e": torch.ones(2), "": torch.ones(1)}, path)
    number = shared_session.open(path)
    shared_session.session.choose_architecture(number, "squeezenet1_1")
    shared_session.until(lambda: shared_session.checkpoint(number).match_report is not None)
    report = shared_session.checkpoint(number).match_report
    assert report is not None
    assert list(report.marks.values()) == ["unexpected"] * 3


def test_a_selected_tensor_is_described(shared_session: Driven, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a.weight": torch.arange(12.0).reshape(3, 4), "a.empty": torch.zeros(0)}, path)
    number = shared_session.open(path)
    for tensor in (0, 1):
        shared_session.session.select_tensor(number, tensor)
        shared_session.until(lambda: _view_phase(shared_session, number) != "running")
        view = shared_session.checkpoint(number).tensor_view
        assert view is not None
        assert view.tensor == tensor
        assert view.phase == "ready", view.failure
    shared_session.session.select_tensor(number, None)
    assert shared_session.checkpoint(number).tensor_view is None


def _view_phase(driven: Driven, number: int) -> str:
    view = driven.checkpoint(number).tensor_view
    return "none" if view is None else view.phase


def test_a_device_that_is_not_there_and_then_one_that_is(driven: Driven, tmp_path: Path) -> None:
    number = driven.attached(saved(tmp_path / "a.pth"))
    driven.session.choose_device("cuda:7")
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "failed")
    failure = driven.checkpoint(number).attachment.failure
    assert failure is not None
    assert "cuda:7" in failure.sentence
    driven.session.choose_device("cpu")
    driven.until(lambda: driven.checkpoint(number).attachment.phase == "ready")
    assert driven.predict(number, picture(tmp_path / "a.png"))[0].device == "cpu"


def test_choosing_twice_at_once_keeps_the_last(driven: Driven, tmp_path: Path) -> None:
    """Answers of the earlier attachment are stale, and nothing stays behind in the engine."""
    names = tmp_path / "names.txt"
    names.write_text("ant\nbee\ncat\ndog\neel\n", encoding="utf-8")
    number = driven.attached(saved(tmp_path / "a.pth"))
    for device in ("cpu", "auto", "cpu"):
        driven.session.choose_device(device)
    driven.session.choose_labels(number, names)
    driven.until(lambda: driven.checkpoint(number).attachment.labels_from == "labels from names.txt")
    (prediction,) = driven.predict(number, picture(tmp_path / "a.png"))
    assert {row.label for row in prediction.classes} == {"ant", "bee", "cat", "dog", "eel"}
    current = driven.checkpoint(number).attachment.engine_id
    answers: list[object] = []
    for stale in range(1, current):
        driven.session.engine.request(
            "predict", {"attachment": stale, "names": ["x"], "top": 1}, lambda: [b""], lambda *_: None, answers.append
        )
    driven.until(lambda: len(answers) == current - 1)
    assert current > 3
    assert all("Nothing is attached" in str(answer) for answer in answers)


def test_of_what_resembles_nothing_no_architecture_is_preselected(shared_session: Driven, tmp_path: Path) -> None:
    names = ("conv1", "bn1", "fc")
    torch.save({f"{name}.{part}": torch.ones(3) for name in names for part in ("weight", "bias")}, tmp_path / "own.pth")
    number = shared_session.open(tmp_path / "own.pth")
    found = shared_session.checkpoint(number)
    assert found.identification is not None
    assert (found.identification.candidates, found.architecture, found.only_resembles) == ((), None, True)
    shared_session.session.choose_architecture(number, "resnet18")
    shared_session.until(lambda: shared_session.checkpoint(number).match_report is not None)
    assert not shared_session.checkpoint(number).only_resembles  # the person chose it
