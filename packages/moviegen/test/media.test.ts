// Files as phones, browsers, downloads and editors leave them: what is shown when, what is missing, what they are.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { InputError } from '../src/errors.ts';
import { readVideo, streamVideo } from '../src/node/inputs.ts';
import { decodeVideo, encodePng, openVideo } from '../src/video/decode.ts';
import { encodeVideo } from '../src/video/encode.ts';
import { decodePng } from '../src/video/pictures.ts';

const media = (name: string) => fileURLToPath(new URL(`media/${name}`, import.meta.url));
const bytesOf = async (name: string) => new Uint8Array(await readFile(media(name)));
const folder = () => mkdtempSync(join(tmpdir(), 'media-'));

/** [H, W, 3]: red on the left, green on the right, blue below. */
const picture = (height: number, width: number) =>
  Uint8Array.from({ length: height * width * 3 }, (_, at) => {
    const [y, x, c] = [Math.floor(at / 3 / width), Math.floor(at / 3) % width, at % 3];
    return (y >= height / 2 ? 2 : x < width / 2 ? 0 : 1) === c ? 255 : 0;
  });

describe('time', () => {
  test.each(['capture.mpegts', 'delay.mp4', 'frag.mp4', 'audio-first.mkv'])(
    '%s: 24 frames at 24, though the first is not at 0',
    async (name) => {
      const { shape, fps } = await readVideo(media(name));
      expect([shape[0], fps]).toEqual([24, 24]);
    },
  );

  test('a held picture is shown as long as it is held, and a line says so', async () => {
    const stream = await streamVideo(media('paused.mp4'));
    expect(stream.notes?.join()).toMatch(/uneven times: shown at 24 per second, 24 repeated/);
    const [paused, steady] = [await readVideo(media('paused.mp4')), await readVideo(media('steady.mp4'))];
    expect([paused.shape[0], paused.fps]).toEqual([48, 24]);
    const frame = (video: typeof paused, k: number) =>
      video.data.subarray(k * 48 * 64 * 3, (k + 1) * 48 * 64 * 3);
    const size = steady.data.length / steady.shape[0];
    expect(frame(steady, 0).length).toBe(size);
  });

  test('a gif: red for a second, green and blue for a tenth each', async () => {
    const { data, shape, fps } = await readVideo(media('slow-then-fast.gif'));
    expect([shape[0], fps]).toEqual([12, 10]);
    const first = (k: number) => [...data.subarray(k * 24 * 32 * 3, k * 24 * 32 * 3 + 3)];
    expect([first(0), first(9), first(10)]).toEqual([
      [255, 0, 0],
      [255, 0, 0],
      [0, 128, 0],
    ]);
  });

  test('the end that an edit list says is obeyed', async () => {
    const bytes = await bytesOf('steady.mp4');
    const text = Buffer.from(bytes).toString('latin1');
    const at = text.indexOf('elst');
    const view = new DataView(bytes.buffer);
    const movieScale = view.getUint32(text.indexOf('mvhd') + 16);
    view.setUint32(at + 12, movieScale / 2); // half a second instead of one
    const { shape, fps } = await decodeVideo(bytes);
    expect([shape[0], fps]).toEqual([12, 24]);
  });
});

describe('files that are cut short, or are something else', () => {
  test('4 of 24 frames: refused, or taken when asked for', async () => {
    await expect(readVideo(media('cut-in-data.mp4'))).rejects.toThrow(
      /cut-in-data\.mp4: 4 of its 24 frames are there: the file was cut short; .*--allow-partial/,
    );
    const stream = await streamVideo(media('cut-in-data.mp4'), { allowPartial: true });
    expect([stream.shape[0], stream.notes?.[0]]).toEqual([4, expect.stringContaining('4 of its 24 frames')]);
    expect((await readVideo(media('cut-in-data.mp4'), { allowPartial: true })).shape[0]).toBe(4);
  });

  test('no index', async () => {
    await expect(readVideo(media('cut-before-index.mp4'))).rejects.toThrow(
      /it is incomplete: its index never came/,
    );
  });

  test('a codec that is not there is named', async () => {
    await expect(readVideo(media('camera-mjpeg.mov'))).rejects.toThrow(
      /coded as jpeg, which is not decoded here/,
    );
  });

  test('a damaged webm is said to be damaged, not of a codec that is missing', async () => {
    const data = new Uint8Array(8 * 64 * 64 * 3).map((_, i) => (i * 7) % 251);
    const webm = await encodeVideo({ data, shape: [8, 64, 64, 3], fps: 8 }, { format: 'webm' });
    webm.fill(0xff, webm.length / 2);
    await expect(decodeVideo(webm, { name: 'x.webm' })).rejects.toThrow(
      'x.webm: it is damaged: its video is coded as vp9, but no frame of it can be found; get it again',
    );
  });

  test.each([
    ['RIFF\0\0\0\0AVI LIST', 'an AVI file'],
    ['FLV\x01', 'a Flash video'],
    ['<!DOCTYPE html><html>', 'a web page'],
    ['version https://git-lfs.github.com/spec/v1\n', 'a Git LFS pointer'],
    ['just words\n', 'a text file'],
  ])('%j is %s', async (text, what) => {
    const wrong = openVideo(new Uint8Array(Buffer.from(text, 'latin1')), { name: 'x.mp4' });
    await expect(wrong).rejects.toThrow(InputError);
    await expect(wrong).rejects.toThrow(new RegExp(`^x\\.mp4: this is ${what}`));
  });
});

test('a film with more pixels per frame than are allowed is refused', async () => {
  const bytes = await bytesOf('steady.mp4');
  const { shape } = await openVideo(bytes);
  const pixels = shape[1] * shape[2];
  expect((await openVideo(bytes, { maxPixels: pixels })).shape).toEqual(shape);
  const refused = openVideo(bytes, { maxPixels: pixels - 1 });
  await expect(refused).rejects.toThrow(`it has ${pixels} pixels, and at most ${pixels - 1} are read here`);
});

describe('pictures', () => {
  const raw = { raw: { width: 64, height: 48, channels: 3 } } as const;
  const rgb = picture(48, 64);

  test.each(['jpeg', 'webp', 'avif', 'png', 'gif', 'tiff'] as const)(
    '%s, whatever it is called',
    async (format) => {
      const bytes = await sharp(rgb, raw).toFormat(format, { quality: 95 }).toBuffer();
      const path = join(folder(), 'picture.png');
      writeFileSync(path, bytes);
      const video = await readVideo(path, { fps: 12 });
      expect([video.shape, video.fps]).toEqual([[1, 48, 64, 3], 12]);
      const error = video.data.reduce((sum, value, at) => sum + Math.abs(value - rgb[at]!), 0) / rgb.length;
      expect(error).toBeLessThan(6);
    },
  );

  test.each([12, 40, 124])(
    'a BMP with a header of %d bytes: not read in Node, and said so',
    async (length) => {
      const bytes = new Uint8Array(200);
      bytes.set([0x42, 0x4d]);
      bytes[14] = length;
      await expect(decodeVideo(bytes, { name: 'a.bmp' })).rejects.toThrow(
        'a.bmp: this is a BMP picture, which the library of pictures in Node (sharp) does not read: convert it first',
      );
    },
  );

  test.each(['jpeg', 'webp', 'png', 'gif'] as const)(
    '%s with more pixels than are allowed is refused',
    async (format) => {
      const bytes = new Uint8Array(await sharp(rgb, raw).toFormat(format).toBuffer());
      expect((await openVideo(bytes, { maxPixels: 64 * 48 })).shape).toEqual([1, 48, 64, 3]);
      await expect(openVideo(bytes, { maxPixels: 64 * 48 - 1 })).rejects.toThrow(/pixel/);
    },
  );

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %d, in JPEG and in PNG', async (orientation) => {
    // What sharp itself makes of it is the truth.
    const turned = await sharp(rgb, raw).withMetadata({ orientation }).png().toBuffer();
    const truth = await sharp(turned).autoOrient().raw().toBuffer({ resolveWithObject: true });
    const png = decodePng(turned);
    expect(png.shape).toEqual([1, truth.info.height, truth.info.width, 3]);
    expect(Buffer.compare(png.data, truth.data.subarray(0, png.data.length))).toBe(0);
    const jpeg = await sharp(rgb, raw).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
    expect((await decodeVideo(new Uint8Array(jpeg))).shape).toEqual(png.shape);
  });

  test('animated WebP and PNG keep their times', async () => {
    const frames = [0, 1, 2].map((c) =>
      Uint8Array.from({ length: 16 * 16 * 3 }, (_, at) => (at % 3 === c ? 255 : 0)),
    );
    const stack = Buffer.concat(frames);
    const input = { raw: { width: 16, height: 48, channels: 3, pageHeight: 16 } } as const;
    const webp = await sharp(stack, input)
      .webp({ lossless: true, delay: [300, 100, 100], loop: 0 })
      .toBuffer();
    const video = await decodeVideo(new Uint8Array(webp));
    expect([video.shape, video.fps]).toEqual([[5, 16, 16, 3], 10]);
    expect([0, 1, 2, 3, 4].map((k) => [...video.data.subarray(k * 768, k * 768 + 3)].indexOf(255))).toEqual([
      0, 0, 0, 1, 2,
    ]);
  });

  test('what is transparent is seen on black', async () => {
    const rgba = Uint8Array.from([255, 200, 100, 0, 255, 200, 100, 128, 255, 200, 100, 255, 0, 0, 0, 255]);
    const png = await sharp(rgba, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toBuffer();
    expect([...decodePng(png).data]).toEqual([0, 0, 0, 128, 100, 50, 255, 200, 100, 0, 0, 0]);
  });

  test('a gif whose frames restore what was there before', async () => {
    // A red ground; a green square that is restored to what was before; then a blue one elsewhere.
    const gif = restoringGif();
    const { data } = await decodeVideo(gif);
    const pixel = (frame: number, x: number) => [
      ...data.subarray((frame * 16 + x) * 3, (frame * 16 + x) * 3 + 3),
    ];
    expect(pixel(1, 0)).toEqual([0, 255, 0]);
    expect(pixel(2, 0)).toEqual([255, 0, 0]); // red again
    expect(pixel(2, 3)).toEqual([0, 0, 255]);
    const truth = await sharp(gif, { animated: true }).removeAlpha().raw().toBuffer();
    expect(Buffer.compare(Buffer.from(data), truth)).toBe(0);
  });

  test('hidden files in a folder of frames are passed over', async () => {
    const place = folder();
    const frame = { data: Uint8Array.from(rgb), shape: [1, 48, 64, 3] } as const;
    for (const name of ['a1.png', 'a2.png', 'a10.png']) writeFileSync(join(place, name), encodePng(frame));
    writeFileSync(join(place, '._a1.png'), 'Mac OS X        ');
    writeFileSync(join(place, 'notes.txt'), 'words');
    expect((await readVideo(place)).shape[0]).toBe(3);
  });
});

/** A 4x4 gif of three frames, the second with the disposal method "restore to previous". */
function restoringGif(): Uint8Array<ArrayBuffer> {
  const colours = [255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0];
  const frame = (disposal: number, x: number, width: number, height: number, colour: number) => {
    const codes = [4, ...Array.from({ length: width * height }, () => colour).flatMap((c) => [c, 4]), 5];
    let [bits, count] = [0, 0];
    const packed: number[] = [];
    for (const code of codes) {
      bits |= code << count;
      count += 3;
      for (; count >= 8; count -= 8, bits >>= 8) packed.push(bits & 255);
    }
    packed.push(bits & 255);
    return [
      ...[0x21, 0xf9, 4, disposal << 2, 10, 0, 0, 0],
      ...[0x2c, x, 0, 0, 0, width, 0, height, 0, 0, 2, packed.length, ...packed, 0],
    ];
  };
  const screen = [4, 0, 4, 0, 0xf1, 0, 0];
  const body = [...frame(1, 0, 4, 4, 0), ...frame(3, 0, 2, 2, 1), ...frame(1, 3, 1, 1, 2)];
  return Uint8Array.from([...Buffer.from('GIF89a'), ...screen, ...colours, ...body, 0x3b]);
}
