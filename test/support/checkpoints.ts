// Checkpoints for tests: the tiny checkpoint of the fixture, changed in memory, or on a web server.

import { createReadStream, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memorySource, Safetensors, serialize, type TensorData } from '@moviegen/safetensors';
import type { CheckpointFiles } from 'moviegen';

/** The tiny checkpoint with which the reference computed its fixture. */
export const TINY = fileURLToPath(
  new URL('../../packages/moviegen/fixtures/pipeline/checkpoint', import.meta.url),
);

/** Changes a file's bytes; undefined removes the file. */
export type Change = (bytes: Buffer) => Uint8Array<ArrayBuffer> | string | undefined;

/** The tiny checkpoint with some files changed, by their path. */
export function changed(changes: Readonly<Record<string, Change>>): CheckpointFiles {
  return {
    label: 'checkpoint',
    folder: (folder) => async (name) => {
      const path = join(folder, name);
      const bytes = await readFile(join(TINY, path)).catch(() => undefined);
      const change = changes[path];
      const now = change === undefined ? bytes : change(bytes ?? Buffer.alloc(0));
      if (now === undefined) return undefined;
      const encoded = typeof now === 'string' ? new TextEncoder().encode(now) : now;
      return memorySource(encoded, `checkpoint/${path}`);
    },
  };
}

/** A change of some values in a JSON file. */
export const json =
  (values: Readonly<Record<string, unknown>>): Change =>
  (bytes) =>
    JSON.stringify({ ...JSON.parse(bytes.toString()), ...values });

/** Rewrites the tensors of the checkpoint's TAE. */
export async function taeFile(
  change: (tensors: Record<string, TensorData>) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await Safetensors.open(new Uint8Array(readFileSync(join(TINY, 'tae/model.safetensors'))));
  const tensors: Record<string, TensorData> = {};
  for (const name of file.names())
    tensors[name] = { dtype: file.dtype(name), shape: file.shape(name), data: await file.read(name) };
  change(tensors);
  return serialize(tensors);
}

/** Serves a folder with byte ranges until the test ends. */
export async function served(folder: string): Promise<{ url: string; requests: string[]; close(): void }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    requests.push(path);
    const [, first = '0', last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    stat(join(folder, path)).then(
      ({ size }) => {
        const end = Math.min(Number(last ?? size - 1), size - 1);
        response.writeHead(206, { 'content-range': `bytes ${first}-${end}/${size}` });
        createReadStream(join(folder, path), { start: Number(first), end }).pipe(response);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, close: () => server.close() };
}

const JOBS = fileURLToPath(new URL('../../packages/moviegen/fixtures/jobs', import.meta.url));

/** The tiny checkpoint with the transformer of the fixture `jobs`, which is given a mask and latents, and knows two tasks. */
export function conditioned(changes: Readonly<Record<string, Change>> = {}): CheckpointFiles {
  const file = (name: string) => () => readFileSync(join(JOBS, 'transformer', name));
  return changed({
    'transformer/config.json': file('config.json'),
    'transformer/model.safetensors': file('model.safetensors'),
    'transformer/model.safetensors.index.json': () => undefined,
    ...changes,
  });
}

const REFERENCE = fileURLToPath(new URL('../../packages/moviegen/fixtures/reference', import.meta.url));

/** The same with the transformer and the image tower of the fixture `reference`: it reads a reference picture as well. */
export function referring(changes: Readonly<Record<string, Change>> = {}): CheckpointFiles {
  const file = (path: string) => () => readFileSync(join(REFERENCE, path));
  const own = [
    'transformer/config.json',
    'transformer/model.safetensors',
    'image_encoder/config.json',
    'image_encoder/model.safetensors',
    'image_encoder/preprocessor_config.json',
  ];
  return conditioned({
    'model_index.json': json({ image_encoder: 'image_encoder' }),
    ...Object.fromEntries(own.map((path) => [path, file(path)])),
    ...changes,
  });
}
