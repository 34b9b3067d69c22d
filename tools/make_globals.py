"""Make ``resources/checkpoint/globals.json``: the exact names that a checkpoint may refer to, and what they mean.

``tensor`` rebuilds tensors and plain data: what torch itself loads with ``weights_only=True``, and the plain data that
people keep beside it; where such a name calls or trusts what it is given, ``inspector/checkpoint/uses.py`` holds it to
its ordinary use. ``module`` is a torch.nn or torchvision class (or a function that torchvision's own pickled models
name). Run with torch and torchvision installed; ``--check`` only compares.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
import pickletools
import pkgutil
import sys
import warnings
from pathlib import Path

import torch
import torchvision
from torch._weights_only_unpickler import _get_allowed_globals

TARGET = Path(__file__).resolve().parent.parent / "resources" / "checkpoint" / "globals.json"

REBUILDS = """
torch._utils._rebuild_tensor torch._utils._rebuild_tensor_v2 torch._utils._rebuild_tensor_v3
torch._utils._rebuild_qtensor torch._utils._rebuild_sparse_tensor torch._utils._rebuild_sparse_csr_tensor
torch._utils._rebuild_nested_tensor torch._utils._rebuild_parameter torch._utils._rebuild_parameter_with_state
torch._utils._rebuild_meta_tensor_no_storage torch._utils._rebuild_device_tensor_from_numpy
torch._utils._rebuild_device_tensor_from_cpu_tensor torch._utils._rebuild_xla_tensor
torch._tensor._rebuild_from_type torch._tensor._rebuild_from_type_v2
torch.nn.parameter.Parameter torch.nn.parameter.Buffer torch.Tensor torch.Size torch.device
torch.serialization._get_layout torch.per_tensor_affine torch.per_channel_affine
torch.per_channel_affine_float_qparams torch.storage.UntypedStorage torch.storage.TypedStorage
torch.storage._TypedStorage torch.storage._UntypedStorage torch.UntypedStorage torch.cuda.UntypedStorage
""".split()

# pathlib._local is where Python 3.13 alone keeps the paths.
PLAIN_DATA = """
collections.OrderedDict collections.defaultdict _codecs.encode
builtins.set builtins.frozenset builtins.dict builtins.list builtins.tuple builtins.int builtins.float builtins.bool
builtins.str builtins.bytes builtins.bytearray builtins.complex builtins.slice builtins.object
copyreg._reconstructor argparse.Namespace
torch.jit._pickle.restore_type_tag torch.jit._pickle.build_intlist torch.jit._pickle.build_tensorlist
torch.jit._pickle.build_doublelist torch.jit._pickle.build_boollist
datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone
collections.Counter collections.deque types.SimpleNamespace uuid.UUID
pathlib.PurePosixPath pathlib.PureWindowsPath pathlib.PosixPath pathlib.WindowsPath
pathlib._local.PurePosixPath pathlib._local.PureWindowsPath pathlib._local.PosixPath pathlib._local.WindowsPath
numpy.ndarray numpy.dtype numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct
numpy.core.multiarray.scalar numpy._core.multiarray.scalar numpy.core.numeric._frombuffer
numpy._core.numeric._frombuffer
""".split()

# torch's tensor classes of 2016, which its tar files name beside each tensor.
TENSORS = "Double Float Half Long Int Short Char Byte".split()

# The metadata of a distributed checkpoint is made of these dataclasses and enums; they only hold what they are given.
# The last two are where torch before 2.2 kept its tensors' properties.
DISTRIBUTED = """
torch.distributed.checkpoint.metadata.Metadata torch.distributed.checkpoint.metadata.TensorStorageMetadata
torch.distributed.checkpoint.metadata.BytesStorageMetadata torch.distributed.checkpoint.metadata.ChunkStorageMetadata
torch.distributed.checkpoint.metadata.TensorProperties torch.distributed.checkpoint.metadata._MEM_FORMAT_ENCODING
torch.distributed.checkpoint.metadata.MetadataIndex torch.distributed.checkpoint.metadata.StorageMeta
torch.distributed.checkpoint.filesystem._StorageInfo
torch.distributed._shard.sharded_tensor.metadata.TensorProperties
torch.distributed._shard.sharded_tensor.metadata.MEM_FORMAT_ENCODING
""".split()

STORAGES = """Double Float Half Long Int Short Char Byte Bool BFloat16 ComplexDouble ComplexFloat QInt8 QInt32 QUInt8
QUInt4x2 QUInt2x4""".split()

# torchvision's pickled models name these beside their classes; functools.partial occurs in the five ViTs alone and
# stays out: it can wrap anything.
MODULE_FUNCTIONS = """torch.nn.backends.thnn._get_thnn_function_backend
torch.nn.functional.relu torch.nn.functional.silu torch.nn.functional.gelu
torch.ao.quantization.stubs.QuantStub torch.ao.quantization.stubs.DeQuantStub
torch.quantization.stubs.QuantStub torch.quantization.stubs.DeQuantStub""".split()


def tensor_names() -> list[str]:
    """Return every name that rebuilds tensors or plain data."""
    dtypes = [f"torch.{name}" for name in dir(torch) if isinstance(getattr(torch, name), torch.dtype)]
    storages = [f"{place}.{name}Storage" for place in ("torch", "torch.cuda") for name in STORAGES]
    tensors = [f"{place}.{name}Tensor" for place in ("torch", "torch.cuda") for name in TENSORS]
    return sorted({*REBUILDS, *PLAIN_DATA, *DISTRIBUTED, *dtypes, *storages, *tensors, *_get_allowed_globals()})


def module_classes() -> set[str]:
    """Return every torch.nn and torchvision class that is a module, under the name a pickle gives it."""
    found: set[str] = set()
    for package in (torch.nn.modules, torchvision.models, torchvision.ops):
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            module = importlib.import_module(info.name)
            found |= {
                f"{value.__module__}.{value.__qualname__}"
                for value in vars(module).values()
                if inspect.isclass(value)
                and issubclass(value, torch.nn.Module)
                and value.__module__.startswith(("torch.nn.", "torchvision."))
            }
    return found


def pickled_names() -> set[str]:
    """Return the globals of every whole torchvision model that can be built without initialising it."""
    found: set[str] = set()
    for name in torchvision.models.list_models():
        if "regnet" in name:
            continue  # can't be built on the meta device; their classes are found by module_classes()
        builder = torchvision.models.get_model_builder(name)
        options = {key: None for key in ("weights", "weights_backbone") if key in inspect.signature(builder).parameters}
        with torch.device("meta"):
            model = builder(**options)
        strings: list[str] = []
        for opcode, argument, _ in pickletools.genops(pickle.dumps(model, protocol=2)):
            if opcode.name == "GLOBAL":
                strings.append(str(argument).replace(" ", "."))
        found |= set(strings)
    return {name for name in found if name.startswith("torchvision.")}


def main() -> int:
    """Write the list, or compare it with ``--check``."""
    warnings.simplefilter("ignore")
    tensor = tensor_names()
    module = sorted((module_classes() | pickled_names() | set(MODULE_FUNCTIONS)) - set(tensor))
    text = json.dumps({"tensor": tensor, "module": module}, indent=1) + "\n"
    if "--check" in sys.argv:
        same = TARGET.read_text(encoding="utf-8") == text
        print("up to date" if same else f"{TARGET.name} is out of date: run tools/make_globals.py")
        return 0 if same else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(tensor)} tensor names, {len(module)} module names")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
