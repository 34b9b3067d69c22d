"""Which parameter an optimizer's state belongs to: its ``state_dict()`` numbers them, and names none.

The numbers follow ``param_groups``: the first parameter of the first group is 0 (``torch/optim/optimizer.py``,
``Optimizer.state_dict``; before torch 1.5 they were addresses, in the same order). Groups are filled from
``model.parameters()``, mostly in its order, which is the state_dict's. A wrong name would be worse than none, so the
shapes of all moments must agree. Optimizers made of ``named_parameters()`` (torch >= 2.6) name them in their groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from inspector.checkpoint.found import FoundOptimizer, FoundStateDict, FoundTensor, Node
from inspector.checkpoint.tensors import storage_key_of, storage_offset_of
from inspector.checkpoint.values import PickledDict, TensorValue, Value

#: Options of a group at the most (Adam's have some 15), and groups: some training code makes one per parameter.
_MAX_OPTIONS = 100
_MAX_GROUPS = 10_000

#: Optimizers that are looked at, and models that are tried for each: a file makes up as many as it likes.
_MAX_OPTIMIZERS = 20
_MAX_TRIED = 8

#: Numbers of parameters are positions, or were addresses.
_MAX_NUMBER = 1 << 48

#: State of no dimension, such as a count of steps, has no shape to agree; older optimizers kept it in a vector of one.
_SHAPES_OF_ANY = ((), (1,))

_Place = tuple[str, int, tuple[int, ...]]
_Owner = Callable[[Value], FoundTensor | None]


class _State(NamedTuple):
    """One entry of an optimizer's state: its key, its row in the tree, and its tensors by index."""

    key: Value
    row: Node
    tensors: list[int]


def link_moments(
    optimizers: Sequence[FoundOptimizer], state_dicts: Sequence[FoundStateDict], tensors: Sequence[FoundTensor]
) -> dict[int, str]:
    """Return the name of the parameter that each moment belongs to, by the moment's index; note it in the rows too.

    An optimizer whose parameters are not beyond doubt those of one of the models is left as it is.
    """
    models = _models(state_dicts, tensors) if optimizers else []
    linked: dict[int, str] = {}
    for optimizer in optimizers[:_MAX_OPTIMIZERS]:
        states = list(_states(optimizer))
        for owner in islice(_owners(optimizer.groups, states, models), _MAX_TRIED):
            found = [owner(state.key) for state in states]
            if all(_agree(state, parameter, tensors) for state, parameter in zip(states, found, strict=True)):
                for state, parameter in zip(states, found, strict=True):
                    if parameter is not None:
                        state.row.detail = parameter.key
                        linked.update(dict.fromkeys(state.tensors, parameter.name))
                break
    return linked


def _models(state_dicts: Sequence[FoundStateDict], tensors: Sequence[FoundTensor]) -> list[list[FoundTensor]]:
    """Return the parameters of each model as ``parameters()`` gives them, tied ones once; the likeliest model first."""
    held: list[dict[_Place | int, FoundTensor]] = [{} for _ in state_dicts]
    for index, found in enumerate(tensors):
        if found.state_dict >= 0 and found.role == "parameter":
            held[found.state_dict].setdefault(_place(found.value) or index, found)
    order = ("model", "other", "ema")
    ranked = sorted(
        (place for place, found in enumerate(state_dicts) if found.role in order),
        key=lambda place: order.index(state_dicts[place].role),
    )
    return [list(held[place].values()) for place in ranked]


def _place(value: TensorValue) -> _Place | None:
    key = storage_key_of(value)
    return (key, storage_offset_of(value), value.shape) if key else None


def _states(optimizer: FoundOptimizer) -> Iterator[_State]:
    above = next((row for row in optimizer.node.children if row.label == "state"), None)
    if above is not None:
        for row, (key, _) in zip(above.children, optimizer.state.pairs(), strict=False):
            yield _State(key, row, [child.tensor for child in row.children if child.tensor >= 0])


def _owners(groups: list[Value], states: list[_State], models: list[list[FoundTensor]]) -> Iterator[_Owner]:
    """Yield, for each model that may be the optimizer's, what tells the parameter of a key of its state."""
    if states and all(isinstance(state.key, TensorValue) for state in states):
        for parameters in models:  # the optimizer was pickled whole: its keys are the model's own parameters
            yield _by_place(parameters)
        return
    numbers, names = _numbers_and_names(groups, max(map(len, models), default=0))
    if all(type(number) is int and 0 <= number < _MAX_NUMBER for number in numbers):
        for parameters in models:
            if len(parameters) == len(numbers) and (ordered := _in_order(parameters, names)):
                yield _by_number(numbers, ordered)


def _by_place(parameters: list[FoundTensor]) -> _Owner:
    by_place = {_place(found.value): found for found in parameters}
    return lambda key: by_place.get(_place(key))


def _by_number(numbers: list[Value], parameters: list[FoundTensor]) -> _Owner:
    owners = dict(zip(numbers, parameters, strict=True))
    return lambda key: owners.get(key) if type(key) is int and 0 <= key < _MAX_NUMBER else None


def _in_order(parameters: list[FoundTensor], names: list[Value]) -> list[FoundTensor]:
    """Return the parameters in the order of the names in the groups, where these are all of them."""
    if not names:
        return parameters
    by_key = {found.key: found for found in parameters}
    ordered = [by_key[name] for name in names if type(name) is str and name in by_key]
    return ordered if len(ordered) == len(parameters) else []


def _numbers_and_names(groups: list[Value], enough: int) -> tuple[list[Value], list[Value]]:
    """Return the numbers of all groups in a row, and their names; none where there are more than ``enough``."""
    numbers: list[Value] = []
    names: list[Value] = []
    for group in groups[:_MAX_GROUPS]:
        options = group.named() if isinstance(group, PickledDict) and len(group) <= _MAX_OPTIONS else {}
        numbers_here, names_here = options.get("params"), options.get("param_names")
        if not isinstance(numbers_here, list) or len(numbers) + len(numbers_here) > enough:
            return [], []
        numbers += numbers_here
        names += names_here if isinstance(names_here, list) and len(names_here) == len(numbers_here) else []
    return numbers, names


def _agree(state: _State, owner: FoundTensor | None, tensors: Sequence[FoundTensor]) -> bool:
    if owner is None:
        return False
    shapes = (tensors[index].value.shape for index in state.tensors)
    return all(shape == owner.value.shape or shape in _SHAPES_OF_ANY for shape in shapes)
