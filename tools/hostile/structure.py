"""Where the parts of an HDF5 file lie, so that one of them can be broken and everything else left sound.

Written from the HDF5 File Format Specification 3.0. It knows what h5py writes here, and no more.
"""
import struct

MASK = 0xFFFFFFFF


def rotate(value, bits):
    return ((value << bits) | (value >> (32 - bits))) & MASK


def checksum(data):
    """Bob Jenkins's lookup3, which guards the newer structures."""
    a = b = c = (0xDEADBEEF + len(data)) & MASK
    while len(data) > 12:
        x, y, z = struct.unpack_from("<III", data)
        a, b, c = (a + x) & MASK, (b + y) & MASK, (c + z) & MASK
        a = (a - c) & MASK ^ rotate(c, 4); c = (c + b) & MASK
        b = (b - a) & MASK ^ rotate(a, 6); a = (a + c) & MASK
        c = (c - b) & MASK ^ rotate(b, 8); b = (b + a) & MASK
        a = (a - c) & MASK ^ rotate(c, 16); c = (c + b) & MASK
        b = (b - a) & MASK ^ rotate(a, 19); a = (a + c) & MASK
        c = (c - b) & MASK ^ rotate(b, 4); b = (b + a) & MASK
        data = data[12:]
    if not data:
        return c
    x, y, z = struct.unpack("<III", data.ljust(12, b"\0"))
    a, b, c = (a + x) & MASK, (b + y) & MASK, (c + z) & MASK
    c = ((c ^ b) - rotate(b, 14)) & MASK
    a = ((a ^ c) - rotate(c, 11)) & MASK
    b = ((b ^ a) - rotate(a, 25)) & MASK
    c = ((c ^ b) - rotate(b, 16)) & MASK
    a = ((a ^ c) - rotate(c, 4)) & MASK
    b = ((b ^ a) - rotate(a, 14)) & MASK
    return ((c ^ b) - rotate(b, 24)) & MASK


SPACE, LINK_INFO, TYPE, FILL, LINK, LAYOUT, FILTERS, ATTRIBUTE, CONTINUATION, TABLE = (
    0x01, 0x02, 0x03, 0x05, 0x06, 0x08, 0x0B, 0x0C, 0x10, 0x11)


def messages(data, address):
    """The messages of an object header as (kind, place, size), and its guarded (start, end) ranges."""
    found, guarded = [], []
    if data[address:address + 4] == b"OHDR":
        flags = data[address + 5]
        at = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(data[at:at + width], "little")
        chunks = [(at + width, size, address)]
        while chunks:
            at, size, start = chunks.pop(0)
            end = at + size
            guarded.append((start, end))
            head = 6 if flags & 0x04 else 4
            while at + head <= end:
                kind, length = data[at], struct.unpack_from("<H", data, at + 1)[0]
                found.append((kind, at + head, length))
                if kind == CONTINUATION:
                    there, count = struct.unpack_from("<QQ", data, at + head)
                    chunks.append((there + 4, count - 8, there))
                at += head + length
        return found, guarded
    size = struct.unpack_from("<I", data, address + 8)[0]
    chunks = [(address + 16, size)]
    while chunks:
        at, size = chunks.pop(0)
        end = at + size
        while at + 8 <= end:
            kind, length = struct.unpack_from("<HH", data, at)
            found.append((kind, at + 8, length))
            if kind == CONTINUATION:
                chunks.append(struct.unpack_from("<QQ", data, at + 8))
            at += 8 + length
    return found, guarded


def guarded_blocks(data, objects):
    """Every (start, end) range that is followed by its checksum."""
    blocks = []
    for address in objects:
        blocks += messages(data, address)[1]
    if data[8] >= 2:
        blocks.append((0, 12 + 4 * data[9]))
    sizes = {b"FAHD": 24, b"EAHD": 68, b"BTHD": 34, b"FRHP": 142}
    for name, size in sizes.items():
        at = data.find(name)
        while at >= 0:
            blocks.append((at, at + size))
            at = data.find(name, at + 4)
    # Blocks whose length is told elsewhere: the checksum is where it fits.
    for name in (b"FADB", b"EAIB", b"EADB", b"BTLF", b"BTIN", b"FHDB", b"FHIB"):
        at = data.find(name)
        while at >= 0:
            end = next((e for e in range(at + 8, min(at + 4096, len(data) - 4))
                        if struct.unpack_from("<I", data, e)[0] == checksum(bytes(data[at:e]))), None)
            if end is not None:
                blocks.append((at, end))
            at = data.find(name, at + 4)
    return blocks


def mend(data, blocks):
    """Makes the checksums right again, so that what was broken behind them is looked at."""
    for start, end in blocks:
        struct.pack_into("<I", data, end, checksum(bytes(data[start:end])))
