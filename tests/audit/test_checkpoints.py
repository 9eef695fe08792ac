"""Checkpoints are C2SP notes that only their node can write, and the file they go to only grows."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.audit.checkpoint import BadCheckpoint, Checkpoint, NodeKey, Verifier
from sluiceway.audit.shipping import CheckpointFile, notes_in
from sluiceway.errors import ConfigError

NODE = NodeKey("sluiceway/audit/test", b"n" * 32)
OTHER = NodeKey("sluiceway/audit/test", b"o" * 32)
ROOT = bytes(range(32))
NOTE = NODE.sign(20852163, ROOT)


def test_a_note_reads_as_c2sp_says() -> None:
    text, signature = NOTE.split("\n\n")
    assert text.split("\n") == ["sluiceway/audit/test", "20852163", base64.b64encode(ROOT).decode()]
    assert signature.startswith("— sluiceway/audit/test ") and signature.endswith("\n")
    assert NODE.verifier.open(NOTE) == Checkpoint("sluiceway/audit/test", 20852163, ROOT)


def test_the_public_key_survives_being_written_down() -> None:
    assert Verifier.parse(f" {NODE.verifier}\n") == NODE.verifier


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_a_note_with_any_other_character_is_not_good(at: int, letter: str) -> None:
    changed = NOTE[:at] + letter + NOTE[at + 1 :]
    if changed != NOTE:
        with pytest.raises(BadCheckpoint):
            NODE.verifier.open(changed)


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE.rstrip("\n"),
        NOTE + "\n",
        NOTE + NOTE.split("\n\n")[1],
        OTHER.sign(20852163, ROOT),
        NODE.sign(1, ROOT[:31]),
        NOTE.replace("\n2085", "\n02085"),
        "x" * 5000,
    ],
    ids=["empty", "cut", "longer", "signed twice", "another key", "short root", "leading zero", "huge"],
)
def test_what_is_not_this_nodes_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(BadCheckpoint):
        NODE.verifier.open(note)


@pytest.mark.parametrize("text", ["", "a+b", "name+00000000+AAAA", str(NODE.verifier)[:-2] + "A="])
def test_a_public_key_that_was_not_copied_whole_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Verifier.parse(text)


def test_a_nodes_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    first = NodeKey.load_or_create(path)
    assert NodeKey.load_or_create(path).verifier == first.verifier
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("half")
    with pytest.raises(ConfigError, match="restore it"):
        NodeKey.load_or_create(path)


def test_what_is_shipped_is_added_at_the_end(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "elsewhere.txt")
    assert file.read() == ()
    notes = tuple(NODE.sign(size, ROOT) for size in range(4))
    file.ship(notes[:1])
    file.ship(notes[1:])
    assert file.read() == notes


@pytest.mark.parametrize("rest", ["x", "x\n\n", "x\n\ny", NOTE[:-1], NOTE[:30]])
def test_what_was_cut_off_in_a_checkpoint_file_comes_out_and_is_not_good(rest: str) -> None:
    notes = list(notes_in(f"{NOTE}\n{rest}"))
    assert notes[0] == NOTE
    assert len(notes) == 2
    with pytest.raises(BadCheckpoint):
        NODE.verifier.open(notes[1])
