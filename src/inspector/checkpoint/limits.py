"""Every budget of the reader in one place, each with the reason for its value.

Limits grow with the file's real size where an honest file would: 200,000 tensors make a pickle of 22 MB, and
that must open; a file of a few bytes must never cost gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20

#: The largest index (a pickle, a JSON header, a zip's directory) that is read at all. 200,000 tensors take 22 MB;
#: safetensors itself allows 100 MB of header.
MAX_INDEX_BYTES = 256 * MIB

#: The index of a sharded checkpoint, in JSON: 200,000 tensors with their names and files take 30 MB.
MAX_SHARD_INDEX_BYTES = 64 * MIB

#: Files that a checkpoint may be made of. The largest published ones have some hundred parts, a training on 4,096
#: devices writes one file for each.
MAX_PARTS = 10_000

#: Entries of a folder that are looked at to find the checkpoint in it; a folder of images may hold millions.
MAX_FOLDER_ENTRIES = 20_000

#: A deflated record may inflate by this factor at the most, or else to these bytes. torch stores its records; only
#: repacked archives deflate them, and there the pickle of 20,000 tensors shrinks 5 times, but zeros 1,000 times.
MAX_INFLATION = 20
FREE_INFLATED_INDEX_BYTES = 1 * MIB
FREE_INFLATED_STORAGE_BYTES = 64 * MIB

#: Names, keys and other text are shown up to this many characters; a 50 MB key is no name.
MAX_NAME_CHARACTERS = 1_000

#: Names in a sentence are quoted up to this many characters.
MAX_QUOTED_CHARACTERS = 100

#: Text of scalar values (and of embedded sources) carried to the tree.
MAX_VALUE_CHARACTERS = 300

#: Integers of more bits are shown by their bit length: Python refuses to print over 4,300 digits.
MAX_SHOWN_INT_BITS = 256

#: Values deeper than this are not walked. Models nest some 20 levels; 1e6 levels crash naive walkers.
MAX_DEPTH = 64

#: Rows of the tree: so many for any file, one more per so many bytes of index, and never more than the last.
#: 200,000 tensors with their modules make 300,000 rows out of 22 MB; 2 bytes can refer to what has a million.
FREE_TREE_ROWS = 50_000
INDEX_BYTES_PER_ROW = 4
MAX_TREE_ROWS = 1_000_000

#: Characters of the tree's labels and names together: so many for any file, and so many per byte of index. Every
#: name stands in the index once at least, but one long name can be referred to a million times.
FREE_TREE_TEXT = 8 * MIB
TREE_TEXT_PER_INDEX_BYTE = 4

#: state_dicts told apart in one file; training checkpoints hold a handful.
MAX_STATE_DICTS = 1_000

#: Bytes of JSON that carry the lists of one kind (globals, class names, metadata, sources) to the window, which
#: must never stand still while it understands them.
MAX_LIST_BYTES = 1 * MIB

#: Entries shown below one list, tuple, set or plain dict that holds no tensors.
MAX_PLAIN_ENTRIES = 200

#: A sparse tensor is made dense up to so many bytes, or else up to so many per byte that the file holds of it (each
#: value of float32 comes with 16 bytes of indices, so that one element in 300 may differ from zero), and never beyond
#: the last: statistics and pictures take a few times as much.
FREE_DENSE_BYTES = 64 * MIB
DENSE_PER_SPARSE_BYTE = 64
MAX_DENSE_BYTES = 2 << 30

#: A tensor whose elements share their bytes (expanded, or windows that overlap) is laid out or gone through element by
#: element up to so many bytes, or else where each byte stands for so many at the most: honest windows overlap by half.
FREE_REPEATED_BYTES = 256 * MIB
MAX_REPEATS = 4

#: Tensors of so many bytes are read whole without asking how much memory is free.
FREE_WHOLE_BYTES = 512 * MIB

#: Dimensions of a tensor. torch allows 64.
MAX_DIMENSIONS = 64

#: Elements of a tensor, and its offset and strides in elements: any more than this overflows what torch counts with.
MAX_ELEMENTS = 1 << 59

#: Distinct globals listed. torchvision's whole models need 211 between all of them.
MAX_GLOBALS = 5_000

#: Digits of an integer written as text: Python refuses to read more.
MAX_TEXT_INT_DIGITS = 4_300

#: Code of a TorchScript program that is read. resnet18's takes 30 kB, a detector's 300 kB.
MAX_CODE_BYTES = 16 * MIB

#: JSON of an exported program. resnet50's takes 0.6 MB; of 32 MiB the tables take 800 MB at the worst.
MAX_PROGRAM_BYTES = 32 * MIB

#: Text made of an exported program's graph, as much as one source carries to the window, and graphs in it:
#: conditions and loops have graphs of their own.
MAX_GRAPH_CHARACTERS = 200_000
MAX_GRAPHS = 200

#: Pickles beside a TorchScript model, and nested in an exported program, that are walked; torch writes a handful.
MAX_SIDE_PICKLES = 200

#: Texts that a program's author put beside it: so many, each of so many bytes at the most.
MAX_EXTRA_FILES = 100
MAX_EXTRA_BYTES = 64 << 10

#: Files inside a pickle: one in another so many times (torch writes storages, which hold none), and their bytes
#: together, for each byte of the pickle that holds them: honest ones lie in it once.
MAX_NESTED_FILES_DEEP = 4
NESTED_PER_PICKLE_BYTE = 2

#: Seconds after which the reader process is killed from outside, plus a second per this many bytes of index.
READER_SECONDS = 20.0
READER_BYTES_PER_SECOND = 8 * MIB

#: Address space of the reader process above its start, plus this factor of the index: 200,000 tensors (22 MB of
#: pickle, 20 MB of directory) were seen to need 269 MB. 5 million sets in 5 MB reach it, below 300 MB in all.
READER_MEMORY_BYTES = 128 * MIB
READER_MEMORY_PER_INDEX_BYTE = 24


@dataclass(frozen=True, slots=True)
class PickleBudget:
    """What one pickle may cost, from its length in bytes.

    Every opcode takes a byte at least, so the number of opcodes is bounded by the length already; the memo's
    indices are bounded by the number of opcodes run so far (an honest pickler counts upwards).
    """

    length: int

    @property
    def stack_depth(self) -> int:
        """Open marks at the most: an honest pickle closes what it opens, a thousand deep at the worst."""
        return 10_000

    @property
    def copied(self) -> int:
        """Entries and characters given to calls at the most: a call refers to a short text again in six bytes."""
        return 100_000 + 16 * self.length
