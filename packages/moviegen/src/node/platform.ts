// What differs between browsers and Node: Node's part. The other part is ../platform.ts, which has the same exports.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { folder } from '@moviegen/safetensors/node';
import { openDevice as openNodeDevice } from '@moviegen/tensor/node';
import type { Animation, PictureKind } from '../animation.ts';
import { isWeightsFile } from '../checkpoint/weightsFile.ts';
import type { CheckpointFiles, FilesOptions } from '../checkpointFiles.ts';
import { InputError } from '../errors.ts';
import type { HubPlace } from '../hubPlace.ts';
import type { Sha256 } from '../platform.ts';
import { hubFiles } from './hub/hubFiles.ts';
import { checkpointPath } from './paths.ts';
import { tellDecoderErrors } from './tellDecoderErrors.ts';

export type { Sha256 } from '../platform.ts';
export { hubHeaders } from './hub/settings.ts';

/** The system's GPU, else SwiftShader; `MOVIEGEN_ADAPTER` chooses by name. */
export const openDevice = openNodeDevice;

/** The files of a folder: a path, a file: address, or a model of the hub's cache. */
export function filesAt(source: string | URL): CheckpointFiles {
  const path = checkpointPath(source);
  return {
    label: path,
    folder: (name) => folder(join(path, name)),
    async check() {
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) throw new InputError(`checkpoint: there is no folder ${path}`);
      if (!found.isDirectory())
        throw new InputError(
          isWeightsFile(path)
            ? `checkpoint: ${path} is one model's weights, not a checkpoint: give ${dirname(path)}, if it is one; of Wan, each model as --transformer, --vae or --text-encoder, and a --tokenizer`
            : `checkpoint: ${path} is a file, not a folder: give ${dirname(path)}, in which it lies`,
        );
    },
  };
}

/** The files of a model of the hub, by its cache; undefined where a file or a folder of that name is there. */
export function hubFilesAt(place: HubPlace, options: FilesOptions): URL | CheckpointFiles | undefined {
  const local = existsSync(place.id);
  return local ? undefined : hubFiles(place, options);
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
  tellDecoderErrors((await import('mediabunny')).CustomVideoDecoder.prototype);
  await silence();
}

/** FFmpeg writes to stderr by itself. What a caller should know is in errors and notes. */
async function silence(): Promise<void> {
  try {
    // The codecs bring it along: it is found from there, wherever it was installed.
    const { resolve } = createRequire(fileURLToPath(import.meta.resolve('@mediabunny/server')));
    const { Log, AV_LOG_QUIET } = await import(pathToFileURL(resolve('node-av')).href);
    Log.setLevel(AV_LOG_QUIET);
  } catch {
    // Another version of the codecs, whose messages stay.
  }
}

/** Kinds that browsers read, and the library of pictures does not. */
const UNREAD: readonly PictureKind[] = ['BMP', 'HEIC'];

/** The pictures in a file, turned as it says: by sharp, which reads what libvips does. */
export async function decodePicture(
  bytes: Uint8Array<ArrayBuffer>,
  kind: PictureKind,
  maxPixels?: number,
): Promise<Animation> {
  if (UNREAD.includes(kind))
    throw new InputError(
      `this is a ${kind} picture, which the library of pictures in Node (sharp) does not read: convert it first, ` +
        'for example with ffmpeg -i FILE PICTURE.png',
    );
  let sharp: typeof import('sharp').default;
  try {
    sharp = (await import('sharp')).default;
  } catch (cause) {
    throw new InputError(`Node needs a library to read ${kind} pictures: npm install sharp; or give a PNG`, {
      cause,
    });
  }
  const open = () => sharp(bytes, { animated: true, failOn: 'error', limitInputPixels: maxPixels ?? true });
  const { pages = 1, delay = [] } = await open().metadata();
  const image = open().autoOrient().toColourspace('srgb').ensureAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  const height = info.height / pages;
  const size = info.width * height * 4;
  return {
    width: info.width,
    height,
    frames: Array.from({ length: pages }, (_, k) => ({
      data: data.subarray(k * size, (k + 1) * size),
      seconds: (delay[k] ?? 100) / 1000,
    })),
  };
}

/** Begins a SHA-256. */
export function sha256(): Sha256 {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}
