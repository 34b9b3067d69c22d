"""Checkpoints of several files go the whole way: attached and predicted as the one file is, and proven unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.state_dict_saver import save

from .conftest import Driven, model, picture, saved

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of saving in one process


def sharded(folder: Path, kind: str) -> Path:
    """Save the model in three parts and their index; return the index."""
    state_dict = model().state_dict()
    suffix = {"safetensors": ".safetensors", "bin": ".bin"}[kind]
    weight_map: dict[str, str] = {}
    for number in range(3):
        name = f"model-{number + 1:05}-of-00003{suffix}"
        part = dict(list(state_dict.items())[number::3])
        save_file(part, folder / name) if kind == "safetensors" else torch.save(part, folder / name)
        weight_map |= dict.fromkeys(part, name)
    index = folder / f"model{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}), encoding="utf-8")
    return index


def chunked(folder: Path) -> Path:
    """Save the model as two ranks would that hold every other half of each tensor: a distributed checkpoint."""
    import pickle

    metadata = Metadata({}, None, {}, version="1.0.0")
    files = [folder / f"__{rank}_0.distcp" for rank in range(2)]
    with files[0].open("wb") as first, files[1].open("wb") as second:
        for key, tensor in model().state_dict().items():
            cut = (tensor.shape[0] + 1) // 2
            chunks = []
            for file, start, chunk in ((first, 0, tensor[:cut]), (second, cut, tensor[cut:])):
                begin, offsets = file.tell(), (start, *[0] * (tensor.dim() - 1))
                torch.save(chunk.clone(), file)
                place = _StorageInfo(Path(file.name).name, begin, file.tell() - begin)
                metadata.storage_data[MetadataIndex(key, offsets)] = place
                chunks.append(ChunkStorageMetadata(torch.Size(offsets), chunk.shape))
            properties = TensorProperties(tensor.dtype)
            metadata.state_dict_metadata[key] = TensorStorageMetadata(properties, tensor.shape, chunks)
    (folder / ".metadata").write_bytes(pickle.dumps(metadata))
    return folder


def made(folder: Path, container: str) -> Path:
    folder.mkdir()
    if container == "chunked":
        return chunked(folder)
    if container == "distributed":
        save({"model": model().state_dict(), "epoch": 3}, checkpoint_id=folder, no_dist=True)
        return folder
    return sharded(folder, container)


@pytest.mark.parametrize("container", ["bin", "safetensors", "distributed", "chunked"])
def test_several_files_predict_as_one_does(shared_session: Driven, tmp_path: Path, container: str) -> None:
    image = picture(tmp_path / "a.png", 3)
    one = shared_session.attached(saved(tmp_path / "one.pth"))
    (wanted,) = shared_session.predict(one, image)
    several = shared_session.attached(made(tmp_path / "several", container))
    found = shared_session.checkpoint(several)
    assert found.summary is not None
    assert found.summary.container == ("sharded" if container in ("bin", "safetensors") else "distributed")
    assert (found.attachment.architecture, found.attachment.failure) == ("squeezenet1_1", None)
    (prediction,) = shared_session.predict(several, image)
    assert wanted.failure is prediction.failure is None
    assert [row.label for row in prediction.classes] == [row.label for row in wanted.classes]
    # threads add up in another order where the machine is busy
    assert [row.score for row in prediction.classes] == pytest.approx([row.score for row in wanted.classes], abs=1e-6)


@pytest.mark.parametrize("container", ["bin", "distributed", "chunked"])
@pytest.mark.parametrize("change", ["touched", "replaced", "gone"])
def test_a_part_that_is_not_the_inspected_one_is_not_used(
    shared_session: Driven, tmp_path: Path, container: str, change: str
) -> None:
    """Not even where its bytes would fit: what was inspected is what is used, of every file."""
    path = made(tmp_path / "several", container)
    number = shared_session.open(path)
    summary = shared_session.checkpoint(number).summary
    assert summary is not None
    part = summary.files[-1].path
    content = part.read_bytes()
    if change == "touched":
        part.write_bytes(content)
    elif change == "replaced":
        (tmp_path / "other").write_bytes(content)
        (tmp_path / "other").replace(part)
    else:
        part.unlink()
    shared_session.session.attach(number)
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.phase in ("ready", "failed"))
    failure = shared_session.checkpoint(number).attachment.failure
    assert failure is not None
    expected = f"There is no file {part.name}" if change == "gone" else f"{part.name} has changed since it was opened"
    assert failure.message.startswith(expected)
