// Writes a frame as an image file: PNG here, other formats through the optional library that also reads them.

import { InputError } from '../errors.ts';
import { encodePng } from '../video/decode.ts';
import type { Frames } from '../video/frames.ts';

/** The formats of images, by their extension. */
export const IMAGE_FORMATS = ['png', 'jpg', 'webp'];

const IMAGE = /\.(png|jpe?g|webp)$/i;

/** Whether a path names an image. */
export const isImage = (path: string): boolean => IMAGE.test(path);

/** The first frame in the format that a path names. @throws InputError where the library for it is not there. */
export async function encodeImage(path: string, frames: Frames): Promise<Uint8Array> {
  const png = encodePng(frames);
  const extension = IMAGE.exec(path)?.[1]?.toLowerCase();
  if (extension === 'png') return png;
  let sharp: typeof import('sharp').default;
  try {
    sharp = (await import('sharp')).default;
  } catch (cause) {
    throw new InputError(`output: ${path}: Node writes PNG images alone: name a .png, or npm install sharp`, {
      cause,
    });
  }
  const image = sharp(png);
  return extension === 'webp'
    ? image.webp({ quality: 95 }).toBuffer()
    : image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
}
