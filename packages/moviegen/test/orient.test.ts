// Videos that are stored otherwise than they are shown: rotated, flipped, with pixels that are not square.

import { readFileSync } from 'node:fs';
import { BufferTarget, Mp4OutputFormat, Output, Quality, VideoSample, VideoSampleSource } from 'mediabunny';
import { describe, expect, test } from 'vitest';
import { registerCodecs } from '#platform';
import { decodeVideo, openVideo } from '../src/video/decode.ts';
import { collectFrames, withAlpha } from '../src/video/frames.ts';
import { oriented } from '../src/video/orient.ts';
import { decodePng } from '../src/video/pictures.ts';

describe('oriented', () => {
  // Pixels by a number in each channel: two rows of three.
  const data = Uint8Array.from([1, 2, 3, 4, 5, 6].flatMap((value) => [value, value, value]));
  const picture = { data, height: 2, width: 3 };
  const rows = (rotation: 0 | 90 | 180 | 270, flip: boolean) => {
    const { data, height, width } = oriented(picture, rotation, flip);
    const value = (y: number, x: number) => data[(y * width + x) * 3]!;
    return Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => value(y, x)).join(''),
    );
  };

  test('turns clockwise and then flips', () => {
    expect(rows(0, false)).toEqual(['123', '456']);
    expect(rows(90, false)).toEqual(['41', '52', '63']);
    expect(rows(180, false)).toEqual(['654', '321']);
    expect(rows(270, false)).toEqual(['36', '25', '14']);
    expect(rows(0, true)).toEqual(['321', '654']);
    expect(rows(90, true)).toEqual(['14', '25', '36']);
  });
});

const [H, W] = [32, 64];

/** An mp4 of one frame: left half red, right half blue, its upper rows brighter. */
async function film(
  metadata: { rotation?: 0 | 90 | 180 | 270; flip?: boolean },
  aspect?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  await registerCodecs();
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat(), target });
  const source = new VideoSampleSource({
    codec: 'avc',
    quality: new Quality({ quantizer: 10, bitrate: 1e6 }),
    onEncodedPacket: (_, told) => {
      const config = told?.decoderConfig;
      if (config === undefined || aspect === undefined) return;
      [config.displayAspectWidth, config.displayAspectHeight] = [aspect * W, H];
    },
  });
  output.addVideoTrack(source, { frameRate: 8, ...metadata });
  await output.start();
  const rgb = Uint8Array.from({ length: H * W * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % W, Math.floor(i / 3 / W)];
    const channel = x < W / 2 ? 0 : 2;
    return i % 3 === channel ? (y < H / 2 ? 240 : 120) : 0;
  });
  const size = { codedWidth: W, codedHeight: H };
  const sample = new VideoSample(withAlpha(rgb), { format: 'RGBX', ...size, timestamp: 0, duration: 1 / 8 });
  await source.add(sample);
  sample.close();
  await output.finalize();
  return new Uint8Array(target.buffer!);
}

/** The corners' colours, as `R` or `B`, small where dark: upper left, upper right, lower left, lower right. */
async function corners(file: Uint8Array<ArrayBuffer>): Promise<{ size: number[]; corners: string }> {
  const { data, shape } = await decodeVideo(file);
  const [, height, width] = shape;
  const at = (y: number, x: number) => {
    const [r, , b] = data.subarray((y * width + x) * 3);
    const letter = r! > b! ? 'r' : 'b';
    return Math.max(r!, b!) > 180 ? letter.toUpperCase() : letter;
  };
  const text = at(4, 4) + at(4, width - 5) + at(height - 5, 4) + at(height - 5, width - 5);
  return { size: [height, width], corners: text };
}

test('an mp4’s frames come as it says that they are to be seen', async () => {
  expect(await corners(await film({}))).toEqual({ size: [H, W], corners: 'RBrb' });
  expect(await corners(await film({ rotation: 90 }))).toEqual({ size: [W, H], corners: 'rRbB' });
  expect(await corners(await film({ rotation: 180 }))).toEqual({ size: [H, W], corners: 'brBR' });
  expect(await corners(await film({ rotation: 270, flip: true }))).toEqual({ size: [W, H], corners: 'bBrR' });
  const stream = await openVideo(await film({ rotation: 90 }));
  expect(stream.shape).toEqual([1, W, H, 3]);
});

describe('pixels that are not square', () => {
  const media = (name: string) =>
    new Uint8Array(readFileSync(new URL(`media/display/${name}`, import.meta.url)));

  // The pictures: the first frame as ffmpeg 5.1 turns it, by -vf scale=WIDTH:HEIGHT:flags=bicubic.
  test.each([
    ['wide.mp4', 'wide.png', [6, 48, 85, 3], '64x48 scaled to 85x48'],
    ['tall.webm', 'tall.png', [6, 64, 64, 3], '64x48 scaled to 64x64'],
    ['turned.mov', 'turned.png', [6, 85, 48, 3], '64x48 scaled to 85x48'],
  ])('%s is seen as ffmpeg shows it', async (file, picture, shape, note) => {
    const stream = await openVideo(media(file), { name: file });
    expect(stream.shape).toEqual(shape);
    expect(stream.notes).toEqual([
      `${file}: its pixels are not square: ${note}, the shape that it is shown in`,
    ]);
    const { data } = await collectFrames(stream);
    const truth = decodePng(media(picture));
    expect(truth.shape.slice(1)).toEqual(shape.slice(1));
    const off = truth.data.reduce((sum, value, i) => sum + Math.abs(value - data[i]!), 0);
    expect(off / truth.data.length).toBeLessThan(3); // FFmpeg interpolates chroma
  });

  test('a shape that no picture has is a damaged file', async () => {
    await expect(openVideo(await film({}, 2000), { name: 'wide.mp4' })).rejects.toThrow(
      'wide.mp4: it is damaged: 64x32 pixels are said to be shown as 128000x32; get it again, or say their shape: ',
    );
    expect((await openVideo(await film({}, 1))).shape).toEqual([1, H, W, 3]);
  });
});
