"""Python's hpack as a peer: reads a story, as hpack-test-case has them, from standard input.

    hpack_peer.py decode    decodes its blocks and compares the fields
    hpack_peer.py encode    encodes its fields and writes the story with those blocks
"""

import json
import sys

import hpack


def pairs(case):
    return [(name, value) for header in case["headers"] for name, value in header.items()]


def decode(story):
    decoder = hpack.Decoder()
    for number, case in enumerate(story["cases"]):
        decoder.max_allowed_table_size = case["header_table_size"]
        fields = [(name, value) for name, value in decoder.decode(bytes.fromhex(case["wire"]))]
        assert fields == pairs(case), f"block {number}: {fields} is not {pairs(case)}"


def encode(story):
    encoder = hpack.Encoder()
    for number, case in enumerate(story["cases"]):
        encoder.header_table_size = case["header_table_size"]
        case["wire"] = encoder.encode(pairs(case), huffman=number % 2 == 0).hex()
    json.dump(story, sys.stdout)


{"decode": decode, "encode": encode}[sys.argv[1]](json.load(sys.stdin))
