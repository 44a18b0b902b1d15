"""From process start to the tool list: this server against a bare low-level server with one tool.

    python -m bench.startup [RUNS]

Interleaved, bare and ours in turn; the first pair warms the caches and is not counted. Target: at most 1.0.
"""

import sys
from time import perf_counter

from bench.peers import BARE, OURS, Peer, report

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 15


def seconds_to_list(command: tuple[str, ...]) -> float:
    begin = perf_counter()
    with Peer(command) as peer:
        peer.greet()
        peer.ask("tools/list", {})
        return perf_counter() - begin


def main() -> None:
    pairs = [(seconds_to_list(OURS), seconds_to_list(BARE)) for _ in range(RUNS + 1)][1:]
    report(f"start to tool list, {RUNS} runs each", "s", [pair[0] for pair in pairs], [pair[1] for pair in pairs])


if __name__ == "__main__":
    main()
