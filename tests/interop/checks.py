"""What the scripts share: one line a check, and the end at the first that fails."""

import hashlib
import sys


def base_url():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} BASE_URL")
    return sys.argv[1].rstrip("/")


def equal(what, got, expected):
    if got != expected:
        fail(what, expected, got)
    print(f"ok: {what}")


def true(what, got, expected="something true"):
    if not got:
        fail(what, expected, got)
    print(f"ok: {what}")


def streamed_over_a_second(what, arrivals):
    """The pieces of a body sent over one second arrived at these times, in seconds."""
    first, last = arrivals[0], arrivals[-1]
    true(
        f"{what}: from {first:.2f} s to {last:.2f} s", last - first > 0.4, "pieces as they are sent"
    )


def fail(what, expected, got):
    sys.exit(f"FAILED: {what}\n  expected: {shown(expected)}\n  got:      {shown(got)}")


def shown(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"


def noise(length):
    """The same bytes on every run, which compress badly."""
    blocks = (hashlib.sha256(i.to_bytes(8, "big")).digest() for i in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def digest(body):
    """Length and hash: what to show of a body that is too long to show."""
    return len(body), hashlib.sha256(body).hexdigest()


def pieces(body, size=10_000):
    for start in range(0, len(body), size):
        yield body[start : start + size]
