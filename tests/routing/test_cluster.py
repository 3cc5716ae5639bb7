"""Nodes that meet through Redis: a node has joined only when the others let its calls through."""

import pytest

from routing.decider.cluster import SILENT_MS, Cluster
from routing.decider.rpc import SwitchRpc

NOW = 1_795_440_000_000


@pytest.fixture
def cluster(tmp_path) -> Cluster:
    """Node sw2, which has met nobody yet."""
    return Cluster("sw2", "192.0.2.2:5060", "redis://127.0.0.1:1/0", SwitchRpc(tmp_path / "none", tmp_path / "own"))


@pytest.mark.parametrize(
    ("sign", "acquainted"),
    [
        (f"{NOW} 192.0.2.1:5060 ", False),
        (f"{NOW} 192.0.2.1:5060 sw22,sw3", False),
        (f"{NOW} 192.0.2.1:5060 sw2,sw3", True),
        (f"{NOW - SILENT_MS} 192.0.2.1:5060 ", True),
    ],
    ids=["it knows nobody", "it knows others", "it knows us", "it is dead"],
)
def test_a_node_waits_for_the_others_to_know_it(cluster: Cluster, sign: str, *, acquainted: bool) -> None:
    """A dead one is waited for no longer."""
    assert not cluster.acquainted
    cluster._meet(NOW, {"sw1": sign, "sw2": f"{NOW} 192.0.2.2:5060 sw1"})
    assert cluster.acquainted == acquainted
    assert list(cluster.peers) == (["sw1"] if int(sign.split()[0]) == NOW else [])


def test_it_is_told_once_when_all_know_it(cluster: Cluster) -> None:
    """Whoever waits for that need not ask."""
    told = []
    cluster.on_acquainted = lambda: told.append(cluster.acquainted)
    for known in ("", "", "sw2", "sw2"):
        cluster._meet(NOW, {"sw1": f"{NOW} 192.0.2.1:5060 {known}"})
    assert told == [True]
