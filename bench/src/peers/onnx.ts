// Writes small ONNX models. Only as much of the format (protobuf, IR version 9) as graphs of a few nodes need.

type Bytes = Uint8Array<ArrayBuffer>;
/** An attribute of a node. A `float` is marked, because 1 could be an integer too. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

const text = new TextEncoder();

function join(parts: readonly Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

const integer = (field: number, value: number): Bytes => join([varint(field << 3), varint(value)]);
const bytes = (field: number, content: Bytes): Bytes =>
  join([varint((field << 3) | 2), varint(content.length), content]);
const string = (field: number, value: string): Bytes => bytes(field, text.encode(value));
function float(field: number, value: number): Bytes {
  const content = new Uint8Array(4);
  new DataView(content.buffer).setFloat32(0, value, true);
  return join([varint((field << 3) | 5), content]);
}

function attribute(name: string, value: Attribute): Bytes {
  const parts = [string(1, name)];
  if (typeof value === 'number') parts.push(integer(3, value), integer(20, 2));
  else if (typeof value === 'string') parts.push(string(4, value), integer(20, 3));
  else if ('float' in value) parts.push(float(2, value.float), integer(20, 1));
  else parts.push(...value.map((item) => integer(8, item)), integer(20, 7));
  return join(parts);
}

/** A node of a graph. */
export function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
  domain = '',
): Bytes {
  return join([
    ...inputs.map((name) => string(1, name)),
    string(2, output),
    string(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
    string(7, domain),
  ]);
}

const FLOAT = 1;
const INT64 = 7;

function value(name: string, shape: readonly number[]): Bytes {
  const dims = join(shape.map((dim) => bytes(1, integer(1, dim))));
  const tensor = join([integer(1, FLOAT), bytes(2, dims)]);
  return join([string(1, name), bytes(2, bytes(1, tensor))]);
}

/** A constant of f32, or of 64-bit integers. */
export function constant(name: string, shape: readonly number[], data: Float32Array | BigInt64Array): Bytes {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const type = data instanceof Float32Array ? FLOAT : INT64;
  return join([...shape.map((dim) => integer(1, dim)), integer(2, type), string(8, name), bytes(9, raw)]);
}

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A model of f32 inputs and one output. */
export function model(
  nodes: readonly Bytes[],
  inputs: Shapes,
  output: readonly [name: string, shape: readonly number[]],
  constants: readonly Bytes[] = [],
): Bytes {
  const graph = join([
    ...nodes.map((item) => bytes(1, item)),
    string(2, 'bench'),
    ...constants.map((item) => bytes(5, item)),
    ...Object.entries(inputs).map(([name, shape]) => bytes(11, value(name, shape))),
    bytes(12, value(...output)),
  ]);
  const opset = (domain: string, version: number) => bytes(8, join([string(1, domain), integer(2, version)]));
  return join([integer(1, 9), bytes(7, graph), opset('', 20), opset('com.microsoft', 1)]);
}
