"""A call over stdio with one request upstream: this server against a bare low-level server.

    python -m bench.calls [ROUNDS]

Both ask the same upstream for the same 2 KB and answer it as text and as structured content. Both run at
the same time and are called in turn, a hundred calls a round; the first round warms up and is not
counted. Target: at most 0.8 of the bare server's median.
"""

import subprocess
import sys
from statistics import median
from time import perf_counter

from bench.peers import BARE, OURS, ROOT, Peer, report

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
CALLS = 100


def milliseconds_a_call(peer: Peer, tool: str) -> float:
    call = {"name": tool, "arguments": {"destinationId": "5GFhvtz8fha42Cm4B4E5L6"}}
    taken = []
    for _ in range(CALLS):
        begin = perf_counter()
        result = peer.ask("tools/call", call)
        taken.append((perf_counter() - begin) * 1000)
        assert not result["isError"], result
    return median(taken)


def main() -> None:
    upstream = subprocess.Popen([sys.executable, str(ROOT / "bench" / "upstream.py")], stdout=subprocess.PIPE)
    assert upstream.stdout is not None
    origin = f"http://127.0.0.1:{int(upstream.stdout.readline())}"
    settings = {"SEGMENT_PUBLIC_API_URL": origin, "SEGMENT_API_TOKEN": "token-of-the-benchmark"}
    try:
        with Peer(OURS, settings) as ours, Peer((*BARE, origin)) as bare:
            ours.greet()
            bare.greet()
            pairs = [
                (milliseconds_a_call(ours, "segment_get_destination"), milliseconds_a_call(bare, "get_destination"))
                for _ in range(ROUNDS + 1)
            ][1:]
    finally:
        upstream.terminate()
        upstream.wait()
    title = f"a call with one upstream request, {ROUNDS} rounds of {CALLS} each, medians of a round"
    report(title, "ms", [pair[0] for pair in pairs], [pair[1] for pair in pairs])


if __name__ == "__main__":
    main()
