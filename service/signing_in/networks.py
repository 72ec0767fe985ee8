"""What a network address is counted as where something is limited by address."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address


def network_of(address: str) -> str:
    """Return the address itself, or the /64 that one IPv6 subscriber chooses addresses from."""
    try:
        parsed = ip_address(address)
    except ValueError:  # of a socket that has none
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
