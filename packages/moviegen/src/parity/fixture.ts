// A fixture: a small seeded model, and every tensor that the reference computed with it. reference/fixtures makes ours; a
// user's own fixture in the same layout works too. It is a folder of
//
//   fixture.json   { name, model, config, cases: [{ name, file, args, order }] }
//   weights.safetensors or model.safetensors
//   <case>.safetensors   "input.*", every intermediate under its module's path, "output.*"

import { bytesToFloats } from '@moviegen/kernels';
import { Safetensors } from '@moviegen/safetensors';
import type { WeightSource } from '@moviegen/tensor';

/** Where fixtures are read from: a folder on a disk, a web address, a test's own memory. */
export interface FixtureFiles {
  /** Names of the folders that hold a `fixture.json`. */
  folders(): Promise<readonly string[]>;
  /** A file's bytes, by its path below the root, with `/`. Rejects if there is no such file. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** Values on the host, in PyTorch's shape. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** One case of a fixture: its inputs, and the reference's intermediates and outputs. */
export interface ParityCase {
  readonly name: string;
  /** Parameters of the case besides tensors. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Names of the tensors in the file, in the order of the reference's computation. */
  readonly order: readonly string[];
  /** A tensor of the file by its full name: `input.x`. */
  values(name: string): Values;
}

/** A fixture's folder, open. */
export interface Fixture {
  readonly name: string;
  /** The kind of model: `dit`, `tae`, `t5` ... */
  readonly model: string;
  readonly config: unknown;
  /** All of `fixture.json`. */
  readonly record: Readonly<Record<string, unknown>>;
  readonly cases: readonly string[];
  open(name: string): Promise<ParityCase>;
  /** The weights in the folder, or in the folder `layout` below it. */
  weights(layout?: string): Promise<WeightSource>;
  /** Any other file of the folder. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** Opens a fixture's folder. */
export async function openFixture(files: FixtureFiles, folder: string): Promise<Fixture> {
  const path = (name: string) => `${folder}/${name}`;
  const text = new TextDecoder().decode(await files.read(path('fixture.json')));
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(text);
  } catch (cause) {
    throw new Error(`parity: ${path('fixture.json')} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const cases = record.cases;
  if (typeof record.model !== 'string' || !Array.isArray(cases) || !cases.every(isCase))
    throw new Error(
      `parity: ${path('fixture.json')} must hold model and cases [{ name, file, args, order }]`,
    );
  return {
    name: typeof record.name === 'string' ? record.name : folder,
    model: record.model,
    config: record.config,
    record,
    cases: cases.map(({ name }) => name),
    read: (name) => files.read(path(name)),
    async open(name) {
      const found = cases.find((one) => one.name === name);
      if (found === undefined) throw new Error(`parity: ${folder} has no case ${JSON.stringify(name)}`);
      return openCase(found, await files.read(path(found.file)));
    },
    async weights(layout = '.') {
      for (const name of WEIGHT_FILES) {
        const bytes = await files
          .read(path(layout === '.' ? name : `${layout}/${name}`))
          .catch(() => undefined);
        if (bytes) return Safetensors.open(bytes);
      }
      throw new Error(`parity: ${path(layout)} holds none of ${WEIGHT_FILES.join(', ')}`);
    },
  };
}

const WEIGHT_FILES = ['weights.safetensors', 'model.safetensors', 'diffusion_pytorch_model.safetensors'];

interface CaseRecord {
  readonly name: string;
  readonly file: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly order: readonly string[];
}

function isCase(value: unknown): value is CaseRecord {
  const given = value as Partial<CaseRecord> | null;
  return typeof given?.name === 'string' && typeof given.file === 'string' && Array.isArray(given.order);
}

/** A case from its record and its file; without an order, that of the file. */
export async function openCase(
  { name, args = {}, order }: Pick<CaseRecord, 'name' | 'args'> & { readonly order?: readonly string[] },
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ParityCase> {
  const file = await Safetensors.open(bytes);
  const tensors = new Map<string, Values>();
  for (const tensor of file.names())
    tensors.set(tensor, {
      shape: file.shape(tensor),
      data: hostValues(await file.read(tensor), file.dtype(tensor)),
    });
  return {
    name,
    args,
    order: order ?? file.names(),
    values(tensor) {
      const found = tensors.get(tensor);
      if (found === undefined) throw new Error(`parity: case ${name} has no tensor ${tensor}`);
      return found;
    },
  };
}

/** Values of a tensor's bytes; 32-bit integers stay integers, since an f32 cannot hold all of them. */
function hostValues(bytes: Uint8Array<ArrayBuffer>, type: string): ArrayLike<number> {
  if (type === 'U32') return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (type === 'I32') return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return bytesToFloats(bytes, type);
}
