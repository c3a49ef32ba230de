// What differs between a browser and Node; this is the browser's side. Under Node, `#platform` resolves to
// node/platform.ts.

import { Device } from '@moviegen/tensor';
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Animation, AnimationFrame, PictureKind } from './animation.ts';
import type { CheckpointFiles } from './checkpointFiles.ts';
import { InputError, shown } from './errors.ts';
import { type HubPlace, resolveAddress } from './hubPlace.ts';

/** The device of a page. */
export function openDevice(): Promise<Device> {
  return Device.create();
}

/** Files at a path, which a browser does not have. */
export function filesAt(source: string | URL): CheckpointFiles {
  throw new InputError(
    `checkpoint: ${shown(String(source))} is not an http(s) address, and a browser cannot open files by path`,
  );
}

/** The address of a model of the hub: a browser reads its files there. */
export function hubFilesAt(
  { id, folder }: HubPlace,
  { revision = 'main' }: { readonly revision?: string | undefined },
): URL | CheckpointFiles | undefined {
  return resolveAddress('https://huggingface.co', id, revision, folder);
}

/** Headers from the environment for the hub: a browser has none. */
export function hubHeaders(_: URL): Record<string, string> {
  return {};
}

/** Registers codecs with mediabunny: a browser has its own. */
export async function registerCodecs(): Promise<void> {}

const MIME: Readonly<Record<PictureKind, string>> = {
  PNG: 'image/png',
  GIF: 'image/gif',
  JPEG: 'image/jpeg',
  WebP: 'image/webp',
  AVIF: 'image/avif',
  BMP: 'image/bmp',
  TIFF: 'image/tiff',
  HEIC: 'image/heic',
};

/** Kinds that every browser reads. */
const EVERYWHERE: readonly PictureKind[] = ['PNG', 'GIF', 'JPEG', 'WebP'];

/**
 * The pictures in a file, turned as it says: the browser's own decoder.
 * @throws InputError where this browser does not read such pictures; the decoder's error where the file is damaged
 */
export async function decodePicture(
  bytes: Uint8Array<ArrayBuffer>,
  kind: PictureKind,
  _maxPixels?: number, // browsers have bounds of their own
): Promise<Animation> {
  const type = MIME[kind];
  const known = typeof ImageDecoder === 'function' && (await ImageDecoder.isTypeSupported(type));
  if (known) {
    const decoder = new ImageDecoder({ data: bytes, type });
    await decoder.tracks.ready;
    const count = decoder.tracks.selectedTrack?.frameCount ?? 1;
    // A still picture goes another way, since this decoder does not turn it.
    if (count > 1) {
      const frames: AnimationFrame[] = [];
      for (let frameIndex = 0; frameIndex < count; frameIndex++) {
        const { image } = await decoder.decode({ frameIndex });
        const { displayWidth: width, displayHeight: height, duration } = image;
        frames.push({ data: pixelsOf(image, width, height), seconds: (duration ?? 1e5) / 1e6 });
        image.close();
      }
      const { codedWidth: width, codedHeight: height } = (await decoder.decode({ frameIndex: 0 })).image;
      decoder.close();
      return { width, height, frames };
    }
    decoder.close();
  }
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(new Blob([bytes], { type }), { imageOrientation: 'from-image' });
  } catch (cause) {
    if (known || EVERYWHERE.includes(kind)) throw cause;
    throw new InputError(
      `this browser does not read ${kind} pictures, or this one is damaged: give a PNG, JPEG or WebP, or get it again`,
      { cause },
    );
  }
  const { width, height } = image;
  const data = pixelsOf(image, width, height);
  image.close();
  return { width, height, frames: [{ data, seconds: 1 }] };
}

/** RGBA of a picture of the browser's. */
function pixelsOf(image: CanvasImageSource, width: number, height: number): Uint8ClampedArray {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, width, height).data;
}

/** A SHA-256 under way. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** The sum in hexadecimal; nothing may follow. */
  hex(): string;
}

/** Begins a SHA-256. It is not WebCrypto's, which takes whole files only. */
export function sha256(): Sha256 {
  const hash = noble.create();
  return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
