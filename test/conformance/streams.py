"""Reads compressed connections as Python clients do: streams.py KIND IN OUT.

IN and OUT hold connections: a count of messages, then each message with its length (32 bits, big-endian).
A message must be readable when it is there, without the next one.
"""

import struct
import sys
import zlib

import zstandard

DECOMPRESSORS = {
    "zlib_stream": zlib.decompressobj,
    # As discord.py reads it.
    "zstd_stream": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


def number(source):
    read = source.read(4)
    return struct.unpack(">I", read)[0] if read else None


kind, source, target = sys.argv[1:]
with open(source, "rb") as source, open(target, "wb") as target:
    while (count := number(source)) is not None:
        target.write(struct.pack(">I", count))
        decompressor = DECOMPRESSORS[kind]()
        for _ in range(count):
            message = decompressor.decompress(source.read(number(source)))
            target.write(struct.pack(">I", len(message)) + message)
