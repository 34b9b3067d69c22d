"""What the audit learns from where tensors lie."""

from __future__ import annotations

from pathlib import Path

import torch
from tests.weights.audited import figures

from inspector.checkpoint import open_checkpoint
from inspector.weights.audit import Audit, AuditTensor, audit_tensors


def saved(path: Path, content: object) -> list[AuditTensor]:
    torch.save(content, path)
    with open_checkpoint(path) as checkpoint:
        return audit_tensors(
            [tensor.name for tensor in checkpoint.tensors],
            [tensor.role for tensor in checkpoint.tensors],
            ["" for _ in checkpoint.tensors],
            [None if tensor.problem else tensor.place() for tensor in checkpoint.tensors],
        )


def test_tensors_of_one_storage_share_its_number(tmp_path: Path) -> None:
    whole = torch.randn(100, 10)
    tensors = saved(tmp_path / "views.pth", {"a": whole[:3], "b": whole[5:6], "c": torch.randn(7)})
    assert tensors[0].storage == tensors[1].storage != tensors[2].storage
    assert [tensor.storage_nbytes for tensor in tensors] == [4_000, 4_000, 28]
    assert [tensor.nbytes for tensor in tensors] == [120, 40, 28]
    assert tensors[0].shape == (3, 10)
    assert tensors[0].role == "parameter"


def test_a_saved_view_of_a_large_tensor_is_found(tmp_path: Path) -> None:
    content = {"fc.weight": torch.distributions.Laplace(0, 0.05).sample((1_000, 1_000))[:10]}
    tensors = saved(tmp_path / "view.pth", content)
    audit = Audit(tensors)
    audit.take(0, figures(content["fc.weight"].numpy()))
    finding = audit.findings()[0]
    assert (finding.rule, finding.notes) == ("size", ("40.0\u202fkB of 4.0\u202fMB are used",))


def test_a_tensor_without_bytes_is_known_by_name_only(tmp_path: Path) -> None:
    tensors = saved(tmp_path / "meta.pth", {"a": torch.empty(3, device="meta"), "b": torch.randn(3)})
    assert (tensors[0].name, tensors[0].nbytes, tensors[0].storage) == ("a", 0, -1)
