"""`vigitri station account …`."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from detector.commands.station import default_folder
from detector.station.web.accounts import Accounts, Role


def add_account(name: str, role: str, folder: Path | None) -> None:
    """Add an account, or change it. Raises AccountError."""
    wanted = Role.named(role)
    accounts = Accounts(folder or default_folder())
    accounts.add(name, wanted, _password())
    print(f"{name} may sign in as {wanted.word}")


def list_accounts(folder: Path | None) -> None:
    """Print each account and its role."""
    for account in Accounts(folder or default_folder()).all():
        print(f"{account.name}  {account.role.word}")


def remove_account(name: str, folder: Path | None) -> None:
    """Remove an account. Raises AccountError."""
    Accounts(folder or default_folder()).remove(name)
    print(f"{name} may not sign in any more")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("password: ")
    if password != getpass.getpass("again: "):
        raise ValueError("the two passwords differ")
    return password
