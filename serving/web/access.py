"""Who may do what: tokens, kept as hashes, and their scopes."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from penchant.errors import InputError, NotThereError, did_you_mean, quoted
from penchant.output import write_json

SCOPES = ("read", "operate", "promote")  # each may do what those before it may
TOKENS_FILE = "tokens.json"
NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True)
class Caller:
    """Who asks: a name for the audit log, and the scope."""

    name: str
    scope: str

    def may(self, scope: str) -> bool:
        """Say whether the caller's scope reaches as far as another."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


@dataclass(frozen=True)
class Token:
    """A token as it is kept: nobody can read the secret from it."""

    name: str
    scope: str
    hashed: str


def add_token(folder: Path, name: str, scope: str) -> str:
    """Make a token, keep its hash, and return the secret, which is shown this once.

    Raises
    ------
    InputError
        If the name is taken or has other characters than letters, digits, ``.``, ``@`` and ``-``; or the scope is none.
    """
    tokens = read_tokens(folder)
    if not NAME.fullmatch(name):
        raise InputError("token", "a name of letters, digits, '.', '@', '_' and '-'", quoted(name))
    if name in tokens:
        raise InputError("token", "a name that is not taken", quoted(name), "Remove the former one first.")
    if scope not in SCOPES:
        raise InputError("--scope", f"one of {', '.join(SCOPES)}", quoted(scope), did_you_mean(scope, SCOPES))
    secret = f"pnc_{secrets.token_urlsafe(32)}"
    _write(folder, {**tokens, name: Token(name, scope, _hashed(secret))})
    return secret


def remove_token(folder: Path, name: str) -> None:
    """Forget a token: whoever has it is refused from now on.

    Raises
    ------
    NotThereError
        If there is no token of that name.
    """
    tokens = dict(read_tokens(folder))
    if name not in tokens:
        raise NotThereError("token", "one of those there are", quoted(name), did_you_mean(name, tokens))
    del tokens[name]
    _write(folder, tokens)


def read_tokens(folder: Path) -> Mapping[str, Token]:
    """Return the tokens by name."""
    path = folder / TOKENS_FILE
    if not path.is_file():
        return {}
    return {one["name"]: Token(**one) for one in json.loads(path.read_text(encoding="utf-8"))["tokens"]}


def caller_of(tokens: Mapping[str, Token], secret: str) -> Caller | None:
    """Return who holds a secret, or None; every token is compared, so that time tells nothing."""
    hashed, found = _hashed(secret), None
    for token in tokens.values():
        if compare_digest(token.hashed, hashed):
            found = Caller(token.name, token.scope)
    return found


def _hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()  # 256 random bits need no slow hash


def _write(folder: Path, tokens: Mapping[str, Token]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TOKENS_FILE
    path.touch(mode=0o600)
    write_json(path, {"tokens": [asdict(token) for token in tokens.values()]})
    path.chmod(0o600)
