"""The proof says what its record says, and the record says of which code it is."""

from pathlib import Path

from deployments.prove.__main__ import PROOF
from deployments.prove.proof import proof
from deployments.prove.results import FILE, Results, code_sha256, percentile


def test_the_proof_is_written_from_its_record_alone() -> None:
    assert PROOF.read_text() == proof(Results.model_validate_json(FILE.read_text()))


def test_the_proof_names_its_day_its_code_and_what_was_left_out() -> None:
    results, text = Results.model_validate_json(FILE.read_text()), PROOF.read_text()
    assert f"{results.at:%Y-%m-%d %H:%M} UTC on commit `{results.commit[:12]}`" in text
    assert f"`{results.code_sha256[:16]}`" in text
    untried = text.partition("**No process was killed yet in:**")[2].partition("\n")[0]
    assert untried.strip(" .") == ", ".join(f"`{effect}`" for effect in results.never_died_in)
    for group in results.groups:
        assert f"| {group.name} | {group.tried} | {group.held} |" in text


def test_the_code_has_one_hash_that_any_change_changes(tmp_path: Path) -> None:
    for folder in ("flows", "tasks"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("1")
    before = code_sha256(tmp_path)
    assert before == code_sha256(tmp_path)
    (tmp_path / "flows" / "a.py").write_text("2")
    assert code_sha256(tmp_path) != before


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile([3, 1, 2, 4], share) for share in (0.5, 0.99, 1)] == [2, 4, 4]
