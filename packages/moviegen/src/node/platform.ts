// What differs between browsers and Node: Node's part. The other part is ../platform.ts, which has the same exports.

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folder } from '@moviegen/safetensors/node';
import { openDevice as openNodeDevice } from '@moviegen/tensor/node';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { InputError } from '../errors.ts';
import type { Sha256 } from '../platform.ts';

export type { Sha256 } from '../platform.ts';

/** The system's GPU, else SwiftShader; `MOVIEGEN_ADAPTER` chooses by name. */
export const openDevice = openNodeDevice;

/** The files of a folder. */
export function filesAt(path: string): CheckpointFiles {
  return {
    label: path,
    folder: (name) => folder(join(path, name)),
    async check() {
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) throw new InputError(`checkpoint: there is no folder ${path}`);
      if (!found.isDirectory()) throw new InputError(`checkpoint: ${path} is not a folder`);
    },
  };
}

let codecs: Promise<void> | undefined;

/** Registers FFmpeg's codecs with mediabunny, since Node has none of its own. */
export function registerCodecs(): Promise<void> {
  codecs ??= register();
  return codecs;
}

async function register(): Promise<void> {
  let server: typeof import('@mediabunny/server');
  try {
    server = await import('@mediabunny/server');
  } catch (cause) {
    const text = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new InputError(
      `video: Node needs codecs for mp4 and webm: npm install @mediabunny/server (${text}); gif and PNG frames work without it`,
      { cause },
    );
  }
  server.registerMediabunnyServer({ hardwareContext: null });
}

/** Begins a SHA-256. */
export function sha256(): Sha256 {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}
