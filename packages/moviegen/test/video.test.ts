// Video files: frames that are written are read back, and what compression loses does not change the judge's answers.

import { deflateSync } from 'node:zlib';
import { caption, draw, type Facts, judge } from '@moviegen/evaluation';
import { VideoSample, type VideoSamplePixelFormat } from 'mediabunny';
import { describe, expect, test, vi } from 'vitest';
import { InputError } from '../src/errors.ts';
import { decodeVideo, encodePng, openVideo } from '../src/video/decode.ts';
import { encodeVideo, encodeVideoTo, formatOf, VIDEO_FORMATS } from '../src/video/encode.ts';
import {
  type Frames,
  frameOf,
  framesBetween,
  framesFromPixels,
  joinFrames,
  pixelsFromFrames,
  type VideoStream,
} from '../src/video/frames.ts';
import { decodePng } from '../src/video/pictures.ts';
import { rgbOfStored, storedPixels } from '../src/video/rgb.ts';

/** The checksum of PNG's chunks. */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const prompts: Facts[] = [
  { colour: 'red', shape: 'circle', motion: 'moves right', background: 'black', size: 'small' },
  { colour: 'blue', shape: 'star', motion: 'grows', background: 'navy', size: '' },
  { colour: 'pink', shape: 'cross', motion: 'circles clockwise', background: 'white', size: 'big' },
  { colour: 'yellow', shape: 'triangle', motion: 'stays still', background: 'gray', size: '' },
];

describe.each(VIDEO_FORMATS)('%s', (format) => {
  test('keeps frames, rate and the judge’s verdict', async () => {
    for (const facts of prompts) {
      const clip = draw(facts, [1.5, -2.25]);
      const read = await decodeVideo(await encodeVideo(clip, { format }));
      expect(read.shape).toEqual(clip.shape);
      expect(read.fps).toBe(16);
      // Colour at half the resolution costs most at the edges of saturated shapes; a gif keeps 256 colours.
      expect(psnr(read.data, clip.data), caption(facts)).toBeGreaterThan(format === 'gif' ? 38 : 31);
      expect(judge(read, facts), caption(facts)).toMatchObject({ right: true });
    }
  });

  test('gives the same bytes twice within a second, which an mp4 tells', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 0 });
    const clip = draw(prompts[0]!);
    const once = await encodeVideo(clip, { format });
    const twice = await encodeVideo(clip, { format });
    vi.useRealTimers();
    expect(Buffer.compare(once, twice)).toBe(0);
  });

  test('is written as its frames come, and read frame by frame', async () => {
    const clip = draw(prompts[1]!);
    const [T, H, W] = clip.shape;
    const log: string[] = [];
    const stream: VideoStream = {
      ...{ shape: clip.shape, fps: clip.fps },
      async *[Symbol.asyncIterator]() {
        for (let k = 0; k < T; k += 5) {
          log.push(`frames from ${k}`);
          yield framesBetween(clip, k, Math.min(k + 5, T));
        }
      },
    };
    const parts: { bytes: Uint8Array; position: number }[] = [];
    const sink = { write: (bytes: Uint8Array, position: number) => void parts.push({ bytes, position }) };
    await encodeVideoTo(sink, stream, { format, onProgress: (k) => void log.push(`${k} of ${T}`) });
    if (format !== 'gif') expect(log.slice(0, 7).at(-1)).toBe('frames from 5'); // after five frames were encoded
    const file = new Uint8Array(Math.max(...parts.map(({ bytes, position }) => position + bytes.length)));
    for (const { bytes, position } of parts) file.set(bytes, position);

    const read = await openVideo(new Blob([file]));
    expect(read).toMatchObject({ shape: [T, H, W, 3], fps: clip.fps });
    const whole = await decodeVideo(await encodeVideo(stream, { format }));
    let k = 0;
    for await (const { data, shape } of read) {
      expect(shape).toEqual([1, H, W, 3]);
      expect(Buffer.compare(data, frameOf(whole, k++))).toBe(0);
    }
    expect(k).toBe(T);
  });

  test('refuses a stream that gives other frames than it said', async () => {
    const clip = draw(prompts[1]!);
    const said = (shape: Frames['shape']): VideoStream => ({
      ...{ shape, fps: 16 },
      async *[Symbol.asyncIterator]() {
        yield clip;
      },
    });
    const write = (shape: Frames['shape']) => encodeVideo(said(shape), { format });
    await expect(write([17, 64, 64, 3])).rejects.toThrow('video: 17 frames were promised, got 16');
    await expect(write([15, 64, 64, 3])).rejects.toThrow('15 frames of 64x64 were promised, got frame 16');
    await expect(write([16, 64, 32, 3])).rejects.toThrow('of 32x64 were promised, got frame 16 of 64x64');
  });

  test('holds one frame, and sizes other than a square', async () => {
    const clip = draw(prompts[2]!);
    const data = clip.data.slice(0, 32 * 64 * 3);
    const read = await decodeVideo(await encodeVideo({ data, shape: [1, 32, 64, 3], fps: 24 }, { format }));
    expect(read.shape).toEqual([1, 32, 64, 3]);
    expect(psnr(read.data, data)).toBeGreaterThan(30);
  });

  test('stops when it is told to', async () => {
    const stopped = encodeVideo(draw(prompts[0]!), {
      format,
      signal: AbortSignal.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
  });
});

// Codes of saturated colours, by the formulas of the standards, and rounded: hence the last digit.
test.each<[VideoSamplePixelFormat, VideoColorSpaceInit, number[], number[]]>([
  ['I444', { matrix: 'bt709', fullRange: false }, [63, 102, 240], [255, 0, 0]],
  ['I420', { matrix: 'smpte170m', fullRange: false }, [81, 90, 240], [255, 0, 0]],
  ['I422', { matrix: 'bt470bg', fullRange: true }, [29, 255, 107], [0, 0, 255]],
  ['NV12', { matrix: 'bt709', fullRange: false }, [173, 42, 26], [0, 255, 0]],
  ['I420', {}, [145, 54, 34], [0, 255, 0]],
  ['I420P10', { matrix: 'bt709', fullRange: false }, [250, 409, 960], [255, 0, 0]],
])('%s frames become RGB by their own colour space, %o', async (format, colorSpace, codes, rgb) => {
  const [width, height] = [4, 2];
  const wide = format === 'I420P10';
  const chroma = format === 'I444' ? 8 : format === 'I422' ? 4 : 2;
  const planes = [Array(8).fill(codes[0]), Array(chroma).fill(codes[1]), Array(chroma).fill(codes[2])];
  const flat = format === 'NV12' ? [...planes[0]!, ...codes.slice(1), ...codes.slice(1)] : planes.flat();
  const data = wide ? new Uint8Array(Uint16Array.from(flat).buffer) : Uint8Array.from(flat);
  const size = { codedWidth: width, codedHeight: height };
  const sample = new VideoSample(data, { format, ...size, timestamp: 0, duration: 1, colorSpace });
  const pixels = rgbOfStored(await storedPixels(sample));
  sample.close();
  const off = [...pixels].map((value, i) => Math.abs(value - rgb[i % 3]!));
  expect(off).toHaveLength(24);
  expect(Math.max(...off)).toBeLessThanOrEqual(1);
});

test('a PNG holds a frame exactly', () => {
  const clip = draw(prompts[1]!);
  expect(Buffer.compare(decodePng(encodePng(clip, 7)).data, frameOf(clip, 7))).toBe(0);
});

test.each([1, 2, 4] as const)('a grey PNG of %s bits', (depth) => {
  const width = 9;
  const most = 2 ** depth - 1;
  const values = Array.from({ length: 2 * width }, (_, i) => i % (most + 1));
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([size, body, sum]);
  };
  const rows = [0, 1].map((y) => {
    const row = new Uint8Array(1 + Math.ceil((width * depth) / 8)); // a filter first: none
    for (let x = 0; x < width; x++)
      row[1 + Math.floor((x * depth) / 8)]! |= values[y * width + x]! << (8 - depth - ((x * depth) % 8));
    return row;
  });
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, 2, depth, 0, 0, 0, 0]);
  const png = Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  const { data } = decodePng(png);
  expect([...data].filter((_, i) => i % 3 === 0)).toEqual(values.map((value) => (255 * value) / most));
});

test('odd sizes: the last column has its own colour, and mp4 is made', async () => {
  const [T, H, W] = [2, 33, 17];
  const data = new Uint8Array(T * H * W * 3);
  for (let i = 0; i < T * H * W; i++) data[3 * i + (i % W < 8 ? 0 : 2)] = 200; // red, then blue
  const clip = { data, shape: [T, H, W, 3] as const, fps: 8 };
  for (const format of ['mp4', 'webm'] as const) {
    const back = await decodeVideo(await encodeVideo(clip, { format }));
    expect(back.shape).toEqual([T, H, W, 3]);
    for (const y of [0, 16, 32]) {
      const last = [...back.data.subarray(3 * (y * W + W - 1), 3 * (y * W + W))];
      expect(last[2]! - last[0]!, `${format}, row ${y}: ${last}`).toBeGreaterThan(120);
    }
  }
});

test.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])('no video has a rate of %s', async (fps) => {
  const clip = { ...draw(prompts[1]!), fps };
  for (const format of VIDEO_FORMATS)
    await expect(encodeVideo(clip, { format })).rejects.toThrow(
      `video: fps must be a number above 0, got ${fps}`,
    );
});

test('files that are not videos are named', async () => {
  const noise = Uint8Array.from({ length: 4000 }, (_, i) => (i * i) % 251);
  await expect(decodeVideo(noise, { name: 'noise.mp4' })).rejects.toThrow(
    /^noise\.mp4: this is neither a video nor a picture/,
  );
  await expect(decodeVideo(new Uint8Array(0))).rejects.toThrow(InputError);
  expect(() => decodePng(noise, 'noise.png')).toThrow(/^noise\.png: not a PNG/);
});

test('a file’s extension names its format', () => {
  expect(formatOf('out/a.b.MP4')).toBe('mp4');
  expect(() => formatOf('out/clip.avi')).toThrow(
    'output: "out/clip.avi" must end in one of .mp4, .webm, .gif',
  );
  expect(() => formatOf('out.d/clip')).toThrow(InputError);
});

test('pixels in [-1, 1] and 8-bit frames are one another’s inverse, clamped', () => {
  const clip = draw(prompts[3]!);
  const [T, H, W] = clip.shape;
  expect(Buffer.compare(framesFromPixels(pixelsFromFrames(clip), [T, H, W]).data, clip.data)).toBe(0);
  expect([...framesFromPixels(new Float32Array([-7, 0.0001, 3]), [1, 1, 1]).data]).toEqual([0, 128, 255]);
});

test('frames of different sizes do not join', () => {
  const one = { data: new Uint8Array(12), shape: [1, 2, 2, 3] as const };
  const other = { data: new Uint8Array(6), shape: [1, 1, 2, 3] as const };
  expect(() => joinFrames([one, other])).toThrow('frames: sizes differ: 2x2 and 2x1');
});

function psnr(a: Uint8Array, b: Uint8Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2;
  return 10 * Math.log10(255 ** 2 / (squares / a.length));
}
