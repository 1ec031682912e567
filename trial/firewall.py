"""Recording and undoing a Docker engine's changes to the machine's IPv4 firewall."""

import json
import re
import shlex
from pathlib import Path

from trial.commands import run
from trial.errors import TrialError
from trial.layout import write_private
from trial.packages import find_program

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_TABLES = ("filter", "nat")
_OWN_CHAIN = re.compile(r"DOCKER($|-)")


def rules(table: str) -> list[list[str]]:
    """A table's rules as `iptables -S` lists them, split into words; none without a firewall."""
    iptables = find_program("iptables") or "iptables"
    try:
        listing = run([iptables, "-t", table, "-S"], purpose="reading the firewall")
    except TrialError:
        return []
    return [shlex.split(line) for line in listing.splitlines()]


def change(table: str, *words: str) -> None:
    """Change a table. Raises TrialError: iptables refuses."""
    iptables = find_program("iptables") or "iptables"
    run([iptables, "-w", "-t", table, *words], purpose="restoring the firewall")


def _chains(found: list[list[str]]) -> list[str]:
    return [rule[1] for rule in found if rule[0] == "-N" and _OWN_CHAIN.match(rule[1])]


def _bridges(without: str) -> list[str]:
    names = [path.parent.name for path in Path("/sys/class/net").glob("*/bridge")]
    return [name for name in names if name != without]


def remember(path: Path) -> None:
    """Record forwarding and its policy before an engine changes them, unless another engine already has."""
    if path.exists():
        return
    found = rules("filter")
    policy = next((rule[2] for rule in found if rule[:2] == ["-P", "FORWARD"]), "ACCEPT")
    changed = bool(_chains(found))
    before = {
        "policy": "ACCEPT" if changed else policy,
        "forwarding": None if changed else _FORWARDING.read_text(encoding="ascii").strip(),
    }
    write_private(path, json.dumps(before) + "\n")


def restore(path: Path, *, bridge: str, subnet: str) -> None:
    """Remove the rules of an engine's bridge; with the last such bridge, all chains that Docker created.

    ``path`` is the file that `remember` wrote, ``subnet`` the bridge's addresses, such as "10.201.7.0/24".
    """
    if find_program("iptables") is None or not path.exists():
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    for table in _TABLES:
        for rule in rules(table):
            if rule[0] == "-A" and (bridge in rule or subnet in rule):
                change(table, "-D", *rule[1:])
    # Engines share their chains, so they are removed with the last bridge.
    if any(interface in rule for interface in _bridges(bridge) for table in _TABLES for rule in rules(table)):
        return
    for table in _TABLES:
        found = rules(table)
        chains = _chains(found)
        for rule in found:
            if rule[0] == "-A" and rule[1] not in chains and set(rule[2:]) & set(chains):
                change(table, "-D", *rule[1:])
        for chain in chains:
            change(table, "-F", chain)
        for chain in chains:
            change(table, "-X", chain)
    change("filter", "-P", "FORWARD", before["policy"])
    if before["forwarding"] is not None:
        _FORWARDING.write_text(before["forwarding"] + "\n", encoding="ascii")
