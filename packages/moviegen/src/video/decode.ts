// Frames from video files, and single frames from and to PNG.

import { convertIndexedToRgb, decode as decodePixels, encode as encodePixels } from 'fast-png';
import { ALL_FORMATS, BufferSource, Input, VideoSampleSink } from 'mediabunny';
import { decodeFrames as decodeGif } from 'modern-gif';
import { registerCodecs } from '#platform';
import { InputError } from '../errors.ts';
import { type Frames, frameOf, joinFrames, type Video, withoutAlpha } from './frames.ts';

/** Options of reading a video. */
export interface DecodeOptions {
  /** Its name in messages. */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/**
 * All frames of a video file: mp4, webm, mov, mkv, gif and whatever else mediabunny and the codecs here read.
 * @throws InputError where it is no video.
 */
export async function decodeVideo(
  bytes: Uint8Array<ArrayBuffer>,
  options: DecodeOptions = {},
): Promise<Video> {
  const { name = 'video' } = options;
  if (bytes.length === 0) throw new InputError(`${name}: the file is empty`);
  try {
    const isGif = new TextDecoder('latin1').decode(bytes.subarray(0, 4)) === 'GIF8';
    return isGif ? gif(bytes) : await film(bytes, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof InputError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new InputError(`${name}: not a video that can be read: ${text}`, { cause: error });
  }
}

async function film(
  bytes: Uint8Array<ArrayBuffer>,
  { name = 'video', signal }: DecodeOptions,
): Promise<Video> {
  await registerCodecs();
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS });
  const track = await input.getPrimaryVideoTrack();
  if (track === null) throw new InputError(`${name}: it has no video track`);
  const frames: Frames[] = [];
  let seconds = 0;
  for await (const sample of new VideoSampleSink(track).samples()) {
    try {
      signal?.throwIfAborted();
      const rgba = new Uint8Array(sample.allocationSize({ format: 'RGBX' }));
      await sample.copyTo(rgba, { format: 'RGBX' });
      const { displayHeight: H, displayWidth: W } = sample;
      frames.push({ data: withoutAlpha(rgba), shape: [1, H, W, 3] });
      seconds = sample.timestamp + sample.duration;
    } finally {
      sample.close();
    }
  }
  if (frames.length === 0) throw new InputError(`${name}: it has no frames`);
  return { ...joinFrames(frames), fps: rate(frames.length, seconds) };
}

function gif(bytes: Uint8Array<ArrayBuffer>): Video {
  const decoded = decodeGif(bytes);
  const seconds = decoded.reduce((sum, { delay }) => sum + delay / 1000, 0);
  const frames = decoded.map(
    ({ data, height, width }): Frames => ({
      data: withoutAlpha(data),
      shape: [1, height, width, 3],
    }),
  );
  return { ...joinFrames(frames), fps: rate(frames.length, seconds) };
}

/** Containers round times to a millisecond or a hundredth of a second. */
function rate(frames: number, seconds: number): number {
  const exact = seconds > 0 ? frames / seconds : 1;
  const whole = Math.round(exact);
  return Math.abs(exact - whole) < 0.01 * whole ? whole : exact;
}

/** A frame as a PNG file. */
export function encodePng(frames: Frames, index = 0): Uint8Array<ArrayBuffer> {
  const [, height, width] = frames.shape;
  return new Uint8Array(encodePixels({ width, height, data: frameOf(frames, index), channels: 3, depth: 8 }));
}

/** A PNG file as one frame. @throws InputError where it is no PNG. */
export function decodePng(bytes: Uint8Array, name = 'frame'): Frames {
  let image: ReturnType<typeof decodePixels>;
  try {
    image = decodePixels(bytes);
  } catch (cause) {
    throw new InputError(`${name}: not a PNG that can be read: ${(cause as Error).message}`, { cause });
  }
  const { width, height, depth } = image;
  const data = image.palette === undefined ? image.data : convertIndexedToRgb(image);
  const channels = data.length / (width * height); // gray, gray and alpha, RGB, RGBA
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++)
    for (let channel = 0; channel < 3; channel++) {
      const value = data[pixel * channels + (channels < 3 ? 0 : channel)]!;
      rgb[pixel * 3 + channel] = depth === 16 ? value >> 8 : value;
    }
  return { data: rgb, shape: [1, height, width, 3] };
}
