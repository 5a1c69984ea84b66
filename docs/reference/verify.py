#!/usr/bin/env python3
"""Verifies a log of Tilltape: a second opinion, written from docs/reference alone (log-format.md, log-format-bbolt.md,
export.md), with Python's standard library and nothing of Tilltape's.
    verify.py FILE [SIZE ROOT]
FILE is a log's bbolt file that nobody has open, a backup or an export; SIZE and ROOT are of a checkpoint that you kept.
It reads no payloads, and of an export's lines the frames alone: what stands beside these, whether it was legal, and
APO's word are for `tilltape verify`. Ends with 0 (whole), 2 (wrong call), 10 (damaged or altered), 12 (unreadable)."""
import base64, hashlib, json, struct, sys, uuid
class Damage(Exception): pass
def need(true, what, *about):
    if not true: raise Damage(what % about if about else what)
# The seal: RFC 6962.
def leaf(frame): return hashlib.sha256(b"\0" + frame).digest()
def node(left, right): return hashlib.sha256(b"\1" + left + right).digest()
class Tree:
    def __init__(self, leaves=()):
        self.size, self.edge, self.levels = 0, [], [[] for _ in range(9)]
        for one in leaves: self.add(one)
    def add(self, h):
        self.size, height = self.size + 1, 0
        self.levels[0].append(h)
        while self.edge and self.edge[-1][0] == height:
            h, height = node(self.edge.pop()[1], h), height + 1
            if height % 8 == 0: self.levels[height // 8].append(h)
        self.edge.append((height, h))
    def frontier(self): return struct.pack(">Q", self.size) + b"".join(h for _, h in self.edge)
    def root(self):
        h = self.edge[-1][1] if self.edge else hashlib.sha256(b"").digest()
        for _, left in reversed(self.edge[:-1]): h = node(left, h)
        return h
def included(h, n, size, proof):  # the root that an inclusion proof leads to
    need((size > 1) == bool(proof), "its proof is of another length")
    if size < 2: return h
    k = 1 << (size - 1).bit_length() - 1  # leaves on the left
    if n < k: return node(included(h, n, k, proof[:-1]), proof[-1])
    return node(proof[-1], included(h, n - k, size - k, proof[:-1]))
# Frames.
class Reader:
    def __init__(self, b, at=0): self.b, self.at = b, at
    def take(self, n):
        need(n <= len(self.b) - self.at, "a field is longer than the frame")
        self.at += n
        return self.b[self.at - n:self.at]
    def varint(self):
        value = shift = 0
        while True:
            c = self.take(1)[0]
            value, shift = value | (c & 127) << shift, shift + 7
            need(value < 1 << 64 and (c or shift == 7), "a number is not in its shortest form")
            if c < 128: return value
    def name(self, most, uuids=True, controls=False):
        n = self.varint()
        need(n <= most + uuids * (most - 19), "a text has more than %d bytes", most)
        text = self.take(n if n <= most else n - most - 1).decode()
        need(controls or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text), "a text has a control character")
        return text + str(uuid.UUID(bytes=self.take(16))) if n > most else text
    def moment(self, *before):
        form = self.take(1)[0]
        t = self.take(8) if form == 8 else before[form - 1] if 0 < form <= len(before) else None
        need(form == 0 or t and t not in before[:form - 1], "a time is not in its shortest form")
        return t
def frame_size(b):
    n = 2 + int.from_bytes(b[:2], "big") if b[:2] != b"\xff\xff" else 6 + int.from_bytes(b[2:6], "big")
    need(len(b) > 6 and n <= 999424, "a frame has no such length")
    return n
def parse(b):
    r = Reader(b, 2 if b[:2] != b"\xff\xff" else 6)
    need(r.take(1) == b"\1", "its format is not 1: a newer version of Tilltape may read it")
    r.name(64, False), r.varint()  # kind
    stream, version, position, previous = (r.name(16, False), r.name(64)), r.varint(), r.varint(), r.varint()
    recorded = r.take(8).replace(b"\x80" + bytes(7), b"") or None
    occurred, record = r.moment(recorded), r.name(64)
    r.name(64), r.name(64, False), r.name(64, False)  # command, actor, status
    r.moment(recorded, occurred), r.name(64, False)
    times = r.take(1)[0]
    need(times < 16, "it has times that a newer version may know")
    for bit in (1, 2, 4, 8): need(not times & bit or r.moment(recorded, occurred) is not None, "a time is not set")
    r.moment(recorded, occurred)
    keys = [(r.take(1), r.name(96, controls=True)) for _ in range(r.varint())]
    r.take(r.varint())  # payload
    need(r.at == len(b) and record and all(stream) and len(keys) < 5, "bytes are behind its payload, or an empty name")
    return stream, version, position, previous, keys
class Log:
    def __init__(self): self.tree, self.streams, self.owners = Tree(), {}, {}
    def add(self, position, frame):
        try:
            need(frame_size(frame) == len(frame), "the record does not have the length that it says")
            stream, version, at, previous, keys = parse(frame)
            need(at == position, "the record here says that its position is %d", at)
            need((version - 1, previous) == self.streams.get(stream, (0, 0)), "it does not follow its stream's last")
            self.streams[stream] = (version, position)
            for key in keys: need(self.owners.setdefault(key, stream) == stream, "its key %r is another's", key[1])
        except (Damage, ValueError) as e: raise Damage("position %d: %s" % (position, e))
        self.tree.add(leaf(frame))
    def held(self, size, root, what):
        need(size <= self.tree.size, "%s is of %d records, and it has %d: it was cut off", what, size, self.tree.size)
        need(Tree(self.tree.levels[0][:size]).root() == root, "its first %d records are not those of %s", size, what)
# bbolt's file.
def step(c, n=8): return step(c >> 1 ^ (0x82F63B78 if c & 1 else 0), n - 1) if n else c
CRC = [step(c) for c in range(256)]
def checksum(b):  # CRC-32C
    c = 0xFFFFFFFF
    for x in b: c = CRC[(c ^ x) & 255] ^ c >> 8
    return struct.pack(">I", c ^ 0xFFFFFFFF)
def fnv(b, h=0xCBF29CE484222325):  # FNV-1a
    for x in b: h = (h ^ x) * 0x100000001B3 & (1 << 64) - 1
    return h
class File:
    def __init__(self, b):
        self.b, self.seen, commits = b, set(), []
        for order, at in [(o, at) for o in "<>" for at in [0] + [1 << n for n in range(9, 17)] if at + 80 <= len(b)]:
            magic, size, root, commit, total = struct.unpack_from(order + "I4xI4xQ24xQQ", b, at + 16)
            if (magic, at in (0, size), fnv(b[at + 16:at + 72])) == (0xED0CDAED, True, total):
                commits.append((commit, order, size, root))
        if not commits: raise ValueError("it is neither a bbolt file whose header pages are whole nor an export")
        _, self.order, self.size, self.root = max(commits)
    def page(self, n):
        need(n not in self.seen and (n + 1) * self.size <= len(self.b), "page %d is linked twice, or not there", n)
        self.seen.add(n)
        more, = struct.unpack_from(self.order + "12xI", self.b, n * self.size)
        return self.b[n * self.size:(n + 1 + more) * self.size]
    def entries(self, b):  # of a page and those below it
        kind, count = struct.unpack_from(self.order + "HH", b, 8)
        need(kind in (1, 2), "a page is of no kind that can be here")
        for e in range(16, 16 + 16 * count, 16):
            if kind == 1: yield from self.entries(self.page(struct.unpack_from(self.order + "8xQ", b, e)[0]))
            else:
                at, key, value = struct.unpack_from(self.order + "4xIII", b, e)
                need(e + at + key + value <= len(b), "a page's element leads out of it")
                yield b[e + at:e + at + key], b[e + at + key:e + at + key + value]
    def bucket(self, value):
        root, = struct.unpack_from(self.order + "Q", value)
        found = list(self.entries(self.page(root) if root else value[16:]))
        need(found == sorted(dict(found).items()), "a bucket's keys are not in order")
        return found
def read_chunk(log, key, value):
    n, last, position = int.from_bytes(value[-2:], "big"), int.from_bytes(key, "big"), log.tree.size + 1
    end = len(value) - 6 * n
    need(n and end > 0 and last == position + n - 1, "position %d: no record follows that ends at %d", position, last)
    begins = (0,) + struct.unpack_from(">%dH" % (n - 1), value, end) + (end,)
    for i in range(n):
        frame = value[begins[i]:begins[i + 1]]
        need(checksum(frame) == value[end + 2 * n - 2 + 4 * i:][:4], "position %d: not as it was written", position + i)
        log.add(position + i, frame)
def read_bolt(b):
    file, log = File(b), Log()
    top = {key.decode("latin-1"): value for key, value in file.entries(file.page(file.root))}
    need(sorted(top) == "attention due heads keys log meta operation status tiles".split(), "it has not its buckets")
    meta = {key.decode("latin-1"): value for key, value in file.bucket(top["meta"])}
    found, sealed, total = meta.pop("sum", None), "frontier" in meta, hashlib.sha256()
    for x in [x for key in sorted(meta) for x in (key.encode("latin-1"), meta[key])]:
        total.update(struct.pack(">Q", len(x)) + x)
    need(found == total.digest() and ("unsealed" in meta) != sealed, "what it says of itself does not give its sum")
    need((meta["magic"], meta["format"]) == (b"tilltape log", b"\0\0\0\1"), "it has another format")
    need(not meta["journal"], "it has a journal, whose records it lacks: close the log, or open it once")
    for key, value in file.bucket(top["log"]): read_chunk(log, key, value)
    for name in "attention due heads keys operation status".split():
        for key, value in file.bucket(top[name]):
            need(checksum(key + value[:-4]) == value[-4:], "the entry %r of %s is not as it was written", key, name)
    tiles = dict(file.bucket(top["tiles"]))
    for level, hashes in enumerate(log.tree.levels if sealed else []):
        for i in range(len(hashes) // 256):
            need(tiles.pop(struct.pack(">BQ", level, i), None) == b"".join(hashes[256 * i:256 * i + 256]),
                 "position %d: tile %d of level %d is not over the records", 256 ** (level + 1) * i + 1, i, level)
    need(not tiles, "it has tiles that no record made")
    need(not sealed or meta["frontier"] == log.tree.frontier(), "its frontier is not over its records")
    for size, root, origin in [line.split(" ") for line in meta.get("ancestry", b"").decode().splitlines()]:
        log.held(int(size), bytes.fromhex(root), origin)
    return log, sealed and meta["origin"].decode(), log.tree.root()
def read_export(b):
    lines, log, last = b.split(b"\n"), Log(), 0
    header = json.loads(lines[0])
    size, root, count = int(header["size"]), base64.b64decode(header["root"]), int(header["count"])
    need(header["version"] == "1" and lines.pop() == b"" and len(lines) == count + 1, "it has not %d records", count)
    for number, line in enumerate(lines[1:], 2):
        try:
            record = json.loads(line)
            frame = base64.b64decode(record["frame"], validate=True)
            if "filter" not in header: log.add(number - 1, frame)
            else:
                last, before = parse(frame)[2], last
                to = included(leaf(frame), last - 1, size, [base64.b64decode(h) for h in record["proof"]])
                need(before < last <= size and to == root, "position %d: its proof does not hold", last)
        except (Damage, KeyError, ValueError) as e: raise Damage("line %d: %s" % (number, e))
    if "filter" in header: return log, header["origin"], root
    need(count == size, "it has not all %d records", size)
    for a in [header] + header.get("ancestry", []): log.held(int(a["size"]), base64.b64decode(a["root"]), a["origin"])
    return log, header["origin"], root
def main(args):
    if len(args) not in (1, 3): return print(__doc__, file=sys.stderr) or 2
    try:
        with open(args[0], "rb") as file: b = file.read()
        log, origin, root = (read_export if b.startswith(b'{"export":"tilltape"') else read_bolt)(b)
        if len(args) == 3: log.held(int(args[1]), base64.b64decode(args[2]), "the checkpoint")
    except (Damage, KeyError, IndexError, struct.error) as e: return print("verdict  damaged:", e) or 10
    except (OSError, ValueError) as e: return print("verdict  unreadable:", e) or 12
    print("records ", log.tree.size or "each proven to be in the log, and not that there are no others")
    print("root    ", base64.b64encode(root).decode() if origin else "none: the log was made without a seal")
    return print("origin  ", origin or "none", "\nverdict  whole") or 0
if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
