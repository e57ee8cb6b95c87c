from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.vision.catalogue import ModelError, find_model, read_card
from detector.vision.signature import (
    SIGNATURE,
    SignatureError,
    check_signature,
    new_signing_key,
    sign_card,
)
from tests.vision.test_catalogue import folder

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


def never() -> str:
    raise AssertionError("a key that is not encrypted needs no passphrase")


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return new_signing_key("plant", tmp_path)


@pytest.fixture
def signed(tmp_path: Path, keys: tuple[Path, Path]) -> str:
    """A signed model folder, as `find_model` takes it."""
    (tmp_path / "m").mkdir()
    name = folder(tmp_path / "m")
    sign_card((tmp_path / "m" / "card.toml").read_bytes(), tmp_path / "m", keys[0], never)
    return name


def test_a_signed_model_is_accepted_with_its_key(signed: str, keys: tuple[Path, Path]) -> None:
    assert find_model(signed, keys[1]).card.name == "t"


def test_another_key_is_refused(signed: str, keys: tuple[Path, Path], tmp_path: Path) -> None:
    other = new_signing_key("other", tmp_path)[1]
    with pytest.raises(ModelError, match=r"was not made with .*other\.signing\.pub\.pem"):
        find_model(signed, other)
    assert find_model(signed, keys[1])


def test_a_model_without_a_signature_is_refused(signed: str, keys: tuple[Path, Path]) -> None:
    Path(signed, SIGNATURE).unlink()
    with pytest.raises(ModelError, match="has no signature"):
        find_model(signed, keys[1])
    assert find_model(signed)  # where no key is demanded


def test_changed_weights_are_refused_although_card_and_signature_hold(
    signed: str, keys: tuple[Path, Path]
) -> None:
    Path(signed, "model.onnx").write_bytes(b"weightz")
    with pytest.raises(ModelError, match=r"model\.onnx: its sha256 is"):
        find_model(signed, keys[1])


def test_weights_changed_together_with_their_hash_in_the_card_are_refused(
    signed: str, keys: tuple[Path, Path]
) -> None:
    Path(signed, SIGNATURE).rename(Path(signed, "kept"))
    folder(Path(signed), "threshold = 0.4", "threshold = 0.99")
    Path(signed, "kept").rename(Path(signed, SIGNATURE))
    assert find_model(signed).card.classes[0].threshold == 0.99
    with pytest.raises(ModelError, match="the card was changed"):
        find_model(signed, keys[1])


def test_the_card_is_not_parsed_before_its_signature_holds(
    signed: str, keys: tuple[Path, Path]
) -> None:
    card = Path(signed, "card.toml")
    card.write_bytes(b"\xff[not TOML")
    with pytest.raises(ModelError, match="can't be read"):
        read_card(card)
    with pytest.raises(ModelError, match="the card was changed"):
        read_card(card, keys[1])


@settings(max_examples=30)
@given(at=st.integers(0), bit=st.integers(0, 7), of=st.sampled_from(["card", "signature"]))
def test_no_changed_bit_of_card_or_signature_passes(
    at: int, bit: int, of: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("bit")
    secret, public = new_signing_key("plant", place)
    card = b'name = "t"\n'
    sign_card(card, place, secret, never)
    check_signature(card, place, public)
    content = bytearray(card if of == "card" else (place / SIGNATURE).read_bytes())
    content[at % len(content)] ^= 1 << bit
    if of == "signature":
        (place / SIGNATURE).write_bytes(content)
    with pytest.raises(SignatureError):
        check_signature(bytes(content) if of == "card" else card, place, public)


@pytest.mark.parametrize("cut", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(
    cut: int, signed: str, keys: tuple[Path, Path]
) -> None:
    path = Path(signed, SIGNATURE)
    path.write_bytes((path.read_bytes() + b"\0")[:cut])
    with pytest.raises(ModelError, match="its signature was not made with"):
        find_model(signed, keys[1])


def spoiled(change: Callable[[Path], object]) -> Callable[[Path, Path], None]:
    return lambda public, _: (change(public), None)[1]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoiled(lambda public: public.unlink()), "No such file"),
        (spoiled(lambda public: public.write_text("no key")), "is no public key in PEM"),
        (spoiled(lambda public: public.chmod(0o666)), "others have access .mode 0666.; chmod 0644"),
        (lambda public, secret: public.write_bytes(secret.read_bytes()), "is a secret key"),
    ],
)
def test_an_unusable_public_key_is_refused_with_the_fix(
    spoil: Callable[[Path, Path], None], reason: str, signed: str, keys: tuple[Path, Path]
) -> None:
    secret, public = keys
    spoil(public, secret)
    with pytest.raises(ModelError, match=reason):
        find_model(signed, public)


def test_a_secret_key_that_others_can_read_signs_nothing(
    keys: tuple[Path, Path], tmp_path: Path
) -> None:
    assert keys[0].stat().st_mode & 0o777 == 0o600
    keys[0].chmod(0o644)
    with pytest.raises(SignatureError, match="chmod 0600"):
        sign_card(b"", tmp_path, keys[0], never)
    assert not (tmp_path / SIGNATURE).exists()


def test_a_public_key_in_place_of_the_secret_one_is_named_as_such(
    keys: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(SignatureError, match="is a public key; name the secret one"):
        sign_card(b"", tmp_path, keys[1], never)


def test_a_key_pair_is_never_overwritten(keys: tuple[Path, Path], tmp_path: Path) -> None:
    before = [path.read_bytes() for path in keys]
    with pytest.raises(SignatureError, match="exists already"):
        new_signing_key("plant", tmp_path)
    assert [path.read_bytes() for path in keys] == before
    with pytest.raises(SignatureError, match="is not a key name"):
        new_signing_key("../plant", tmp_path)


def test_without_the_extra_a_demanded_signature_is_a_refusal(
    signed: str, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ModelError, match=r"pip install 'vigitri\[signing\]'"):
        find_model(signed, keys[1])


def openssl(*arguments: object) -> str:
    assert OPENSSL is not None
    words = [OPENSSL, *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@needs_openssl
def test_openssl_accepts_our_signature(signed: str, keys: tuple[Path, Path]) -> None:
    card, signature = Path(signed, "card.toml"), Path(signed, SIGNATURE)
    key = ("-pubin", "-inkey", keys[1])
    said = openssl("pkeyutl", "-verify", *key, "-rawin", "-in", card, "-sigfile", signature)
    assert "Verified Successfully" in said


@needs_openssl
def test_a_signature_by_openssl_is_accepted_and_its_encrypted_key_signs(
    signed: str, tmp_path: Path
) -> None:
    key, public = tmp_path / "its.pem", tmp_path / "its.pub.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:abc", "-out", key)
    openssl("pkey", "-in", key, "-passin", "pass:abc", "-pubout", "-out", public)
    card, signature = Path(signed, "card.toml"), Path(signed, SIGNATURE)
    secret = ("-inkey", key, "-passin", "pass:abc")
    openssl("pkeyutl", "-sign", *secret, "-rawin", "-in", card, "-out", signature)
    assert find_model(signed, public)
    made = signature.read_bytes()
    with pytest.raises(SignatureError, match="wrong passphrase"):
        sign_card(card.read_bytes(), card.parent, key, lambda: "abd")
    assert sign_card(card.read_bytes(), card.parent, key, lambda: "abc").read_bytes() == made
