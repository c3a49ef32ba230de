// What a file of pictures or of a video is, by its first bytes: names lie, and downloads are often something else. Not here:
// reading it (decode.ts, pictures.ts).

import type { PictureKind } from '../animation.ts';

/** Bytes of a file's beginning that `pictureKind` and `foreignKind` look at. */
export const HEAD_BYTES = 512;

/** Lengths of the header that follows a BMP's first 14 bytes. */
const BITMAP_HEADERS = [12, 40, 52, 56, 64, 108, 124];

/** A character per byte. Not TextDecoder's `latin1`, which in browsers is Windows-1252: 0x89 is another character there. */
const latin = (head: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...head.subarray(from, to));

/** The kind of picture; undefined where it is not a picture. */
export function pictureKind(head: Uint8Array): PictureKind | undefined {
  const text = latin(head, 0, 12);
  if (text.startsWith('\x89PNG')) return 'PNG';
  if (text.startsWith('GIF8')) return 'GIF';
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return 'JPEG';
  if (text.startsWith('RIFF') && text.slice(8) === 'WEBP') return 'WebP';
  if (text.startsWith('BM') && BITMAP_HEADERS.includes(head[14]!)) return 'BMP';
  if (text.startsWith('II*\0') || text.startsWith('MM\0*')) return 'TIFF';
  if (text.slice(4, 8) !== 'ftyp') return undefined;
  const size = new DataView(head.buffer, head.byteOffset).getUint32(0);
  const brands = latin(head, 8, Math.min(size, head.length));
  if (/avif|avis/.test(brands)) return 'AVIF';
  return /heic|heix|mif1/.test(brands) ? 'HEIC' : undefined;
}

/** What a file is that is neither a picture nor a video that can be read; undefined where its bytes do not say. */
export function foreignKind(head: Uint8Array): string | undefined {
  const text = latin(head, 0, head.length);
  if (text.startsWith('RIFF') && text.slice(8, 11) === 'AVI') return 'an AVI file';
  if (text.startsWith('FLV')) return 'a Flash video (FLV)';
  if (text.startsWith('\x30\x26\xb2\x75')) return 'a Windows Media file (WMV)';
  if (text.startsWith('\0\0\x01\xba')) return 'an MPEG program stream (MPG, VOB)';
  if (text.startsWith('.RMF')) return 'a RealMedia file';
  if (text.startsWith('version https://git-lfs'))
    return 'a Git LFS pointer, not the file itself: git lfs pull';
  if (/^\s*(<!doctype html|<html)/i.test(text)) return 'a web page, not the file itself';
  if (text.startsWith('%PDF')) return 'a PDF';
  if (/^\s*<(\?xml|svg)/.test(text)) return 'an XML or SVG file';
  if (text.startsWith('PK\x03\x04')) return 'a ZIP archive';
  return /^[\t\n\r\x20-\x7e]+$/.test(text) && text.length > 0 ? 'a text file' : undefined;
}
