"""Which sockets the server gets, on machines of several kinds."""

import errno
import socket

import pytest

from poller.web.server import bind


def test_a_taken_port_is_an_error() -> None:
    """Two pollers on one port do not share it."""
    [taken] = bind("127.0.0.1", 0)
    with taken, pytest.raises(OSError, match="Address already in use"):
        bind(None, taken.getsockname()[1])


def test_a_name_that_is_no_host_is_an_error() -> None:
    """What cannot be resolved raises the same class of error."""
    with pytest.raises(OSError, match=r".+"):
        bind("no.such.host.invalid", 0)


def test_an_address_that_is_not_ours_is_an_error() -> None:
    """Leaving out every address is not an option."""
    with pytest.raises(OSError, match="assign"):
        bind("192.0.2.1", 0)


class Kernel:
    """Resolves and makes sockets as a machine with both families would, but for the errors ordered from it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **errors: list[int]) -> None:
        self.errors = errors
        self.made: list[socket.socket] = []
        self.real = socket.create_server
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)
        monkeypatch.setattr(socket, "create_server", self.create_server)

    def getaddrinfo(self, _host: None, port: int, **_options: int) -> list[object]:
        """Return the two wildcard addresses."""
        addresses = {socket.AF_INET: ("0.0.0.0", port), socket.AF_INET6: ("::", port, 0, 0)}  # noqa: S104 (never bound)
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in addresses.items()]

    def create_server(self, _address: object, *, family: socket.AddressFamily) -> socket.socket:
        """Return a socket on loopback, or fail."""
        if ordered := self.errors.get(family.name):
            raise OSError(ordered.pop(0), "as ordered")
        self.made.append(self.real(("127.0.0.1", 0)))
        return self.made[-1]


@pytest.mark.parametrize("missing", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_a_family_that_the_machine_lacks_is_left_out(
    family: str, missing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may know no IPv6, or have no address for it."""
    kernel = Kernel(monkeypatch, **{family: [missing]})
    [only] = bind(None, 80)
    assert [only] == kernel.made
    only.close()


def test_a_port_that_is_free_in_one_family_alone_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """With port 0 another port is tried for both."""
    kernel = Kernel(monkeypatch, AF_INET6=[errno.EADDRINUSE])
    both = bind(None, 0)
    assert both == kernel.made[1:]
    assert kernel.made[0].fileno() == -1
    for each in both:
        each.close()


def test_a_free_port_is_not_sought_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no port is free in both, the error is raised."""
    kernel = Kernel(monkeypatch, AF_INET6=[errno.EADDRINUSE] * 100)
    with pytest.raises(OSError, match="as ordered"):
        bind(None, 0)
    assert all(each.fileno() == -1 for each in kernel.made)


def test_other_errors_are_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port below 1024 is refused for a reason that the operator must hear."""
    kernel = Kernel(monkeypatch, AF_INET6=[errno.EACCES])
    with pytest.raises(PermissionError):
        bind(None, 80)
    assert [each.fileno() for each in kernel.made] == [-1]


def test_connections_send_at_once() -> None:
    """An answer that goes out in two parts does not wait for the client to acknowledge the first."""
    [listener] = bind("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
