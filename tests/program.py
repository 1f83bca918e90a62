"""What tests of the program share: calls of it, counted checks, and files written by hand after the
descriptions of their formats. The first word of the command line is the program."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

fovea = sys.argv[1]
scratch = tempfile.TemporaryDirectory(prefix="fovea-host-")
folder = Path(scratch.name)
environment = dict(os.environ, XDG_CACHE_HOME=str(folder / "cache"))
environment.pop("FOVEA_DEVICE", None)
failures = []
checks = 0


def call(*words, **more):
    return subprocess.run([fovea, *map(str, words)], capture_output=True, timeout=300,
                          env=environment, stdin=subprocess.DEVNULL, check=False, **more)


def check(good, what):
    global checks
    checks += 1
    if not good:
        failures.append(what)
        print(f"wrong: {what}")


def expect(code, *words, says=""):
    """The command ends with `code`; a failure says one sentence, with `says` in it."""
    done = call(*words)
    name = " ".join(map(str, words))
    error = done.stderr.decode(errors="replace")
    check(done.returncode == code, f"'{name}' ends with {done.returncode}, not {code}: {error}")
    if code in (2, 3, 4):
        check(error.startswith("fovea: "), f"'{name}' says no sentence: {error!r}")
    check(says in error, f"'{name}' does not say '{says}': {error!r}")
    return done.stdout.decode(errors="replace")


def expect_json(code, *words):
    text = expect(code, *words, "--json")
    try:
        return json.loads(text)
    except ValueError as wrong:
        check(False, f"'{' '.join(map(str, words))} --json' gives no JSON: {wrong}")
        return {}


# ---- Files, made by hand after the formats' descriptions ----

def idx_file(path, dims, body):
    path.write_bytes(struct.pack(f">HBB{len(dims)}I", 0, 8, len(dims), *dims) + bytes(body))
    return path


def npy_file(path, shape, values, code="f4"):
    header = f"{{'descr': '<{code}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    kind = {"f4": "f", "f8": "d", "i8": "q"}[code]
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header +
                     struct.pack(f"<{len(values)}{kind}", *values))
    return path


def read_npy(path):
    data = path.read_bytes()
    length = struct.unpack_from("<H", data, 8)[0]
    header = eval(data[10:10 + length])  # a dictionary that the program under test wrote
    check((10 + length) % 64 == 0, f"{path.name}: data do not begin at a multiple of 64")
    count = (len(data) - 10 - length) // 4
    return header["shape"], struct.unpack_from(f"<{count}f", data, 10 + length)


def png_file(path, width, height, rows, channels):
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body +
                struct.pack(">I", zlib.crc32(kind + body)))
    kind = {1: 0, 3: 2, 4: 6}[channels]
    body = b"".join(b"\0" + bytes(row) for row in rows)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" +
                     chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))
    return path


def varint(x):
    out = b""
    while x > 127:
        out += bytes([x & 127 | 128])
        x >>= 7
    return out + bytes([x])


def field(number, body):
    """A field of protobuf's wire format: a number or bytes."""
    if isinstance(body, int):
        return varint(number << 3) + varint(body)
    return varint(number << 3 | 2) + varint(len(body)) + body


def value_info(name, dims):
    shape = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d.encode()))
                     for d in dims)
    return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, shape)))


def tensor(name, dims, values):
    """A TensorProto of float32."""
    return (b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name.encode()) +
            field(9, struct.pack(f"<{len(values)}f", *values)))


def onnx_node(op, inputs, outputs, name, **attributes):
    """A NodeProto; attributes are whole numbers or lists of them."""
    out = b"".join(field(1, i.encode()) for i in inputs) + b"".join(field(2, o.encode()) for o in outputs)
    out += field(3, name.encode()) + field(4, op.encode())
    for key, value in attributes.items():
        is_list = isinstance(value, list)
        body = b"".join(field(8, v) for v in value) if is_list else field(3, value)
        out += field(5, field(1, key.encode()) + body + field(20, 7 if is_list else 2))
    return out


def onnx_model(path, nodes, inputs, outputs, constants=(), ops_domain=b""):
    """Inputs and outputs are (name, dims), constants (name, dims, values)."""
    graph = b"".join(field(1, node) for node in nodes) + field(2, b"g")
    graph += b"".join(field(5, tensor(*constant)) for constant in constants)
    graph += b"".join(field(11, value_info(*value)) for value in inputs)
    graph += b"".join(field(12, value_info(*value)) for value in outputs)
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, ops_domain) + field(2, 17)))
    return path


def onnx_file(path, op, inputs, outputs, ops_domain=b""):
    node = onnx_node(op, [name for name, _ in inputs], [name for name, _ in outputs], "the_node")
    return onnx_model(path, [node], inputs, outputs, ops_domain=ops_domain)


def tensor_file(path, dims, values):
    path.write_bytes(b"".join(field(1, d) for d in dims) + field(2, 1) +
                     field(9, struct.pack(f"<{len(values)}f", *values)))
    return path


def run_tests(names, least):
    """Runs every function test_* of a module and ends; too few checks are a failure too."""
    for test in [value for name, value in list(names.items()) if name.startswith("test_")]:
        test()
    print(f"{checks} checks, {len(failures)} wrong")
    sys.exit(1 if failures or checks < least else 0)
