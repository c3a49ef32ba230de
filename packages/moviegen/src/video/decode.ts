// Reads frames from video files, one after the other, and reads and writes single frames as PNG. Not here: colours (rgb.ts),
// frames that are to be turned (orient.ts).

import { convertIndexedToRgb, decode as decodePixels, encode as encodePixels } from 'fast-png';
import {
  ALL_FORMATS,
  BlobSource,
  BufferSource,
  Input,
  type InputVideoTrack,
  Source,
  VideoSampleSink,
} from 'mediabunny';
import { decodeFrames as decodeGif } from 'modern-gif';
import { registerCodecs } from '#platform';
import { InputError } from '../errors.ts';
import { collectFrames, type Frames, frameOf, type Video, type VideoStream, withoutAlpha } from './frames.ts';
import { oriented } from './orient.ts';
import { rgbOf } from './rgb.ts';

/** Options of reading a video. */
export interface DecodeOptions {
  /** What messages call the video. */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/**
 * All frames of a video file: mp4, webm, mov, mkv, gif and whatever else mediabunny and the codecs here read.
 * @throws InputError where the bytes are not a video.
 */
export async function decodeVideo(
  bytes: Uint8Array<ArrayBuffer>,
  options: DecodeOptions = {},
): Promise<Video> {
  return collectFrames(await openVideo(bytes, options));
}

/**
 * Opens a video file. Its frames are decoded one by one when they are asked for, turned and flipped as the file says. The file
 * is closed when the frames have been gone through.
 * @param file bytes, a `File` or `Blob` (only the parts that are needed are read), or a source of mediabunny. A gif is decoded
 *   as a whole.
 * @throws InputError where it is not a video, or its pixels are not square; the stream throws it where a frame is broken.
 */
export async function openVideo(
  file: Uint8Array<ArrayBuffer> | Blob | Source,
  options: DecodeOptions = {},
): Promise<VideoStream> {
  const { name = 'video' } = options;
  return named(options, async () => {
    if (!(file instanceof Source)) {
      const blob = file instanceof Blob;
      if ((blob ? file.size : file.length) === 0) throw new InputError(`${name}: the file is empty`);
      const head = blob ? new Uint8Array(await file.slice(0, 4).arrayBuffer()) : file.subarray(0, 4);
      if (new TextDecoder('latin1').decode(head) === 'GIF8')
        return gif(blob ? new Uint8Array(await file.arrayBuffer()) : file);
    }
    return film(file instanceof Source ? file : sourceOf(file), options);
  });
}

const sourceOf = (file: Uint8Array<ArrayBuffer> | Blob): Source =>
  file instanceof Blob ? new BlobSource(file) : new BufferSource(file);

/** Runs a step of reading. Its errors get the name of the video. */
async function named<T>({ name = 'video', signal }: DecodeOptions, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof InputError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new InputError(`${name}: not a video that can be read: ${text}`, { cause: error });
  }
}

async function film(source: Source, options: DecodeOptions): Promise<VideoStream> {
  const { name = 'video' } = options;
  await registerCodecs();
  const input = new Input({ source, formats: ALL_FORMATS });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) throw new InputError(`${name}: it has no video track`);
    const { packetCount } = await track.computePacketStats();
    if (packetCount === 0) throw new InputError(`${name}: it has no frames`);
    const { num, den } = await track.getPixelAspectRatio();
    if (num !== den)
      throw new InputError(
        `${name}: its pixels are ${num}:${den}, not square; convert it first: ffmpeg -i FILE -vf scale=iw*sar:ih,setsar=1 SQUARE.mp4`,
      );
    const size = [await track.getDisplayHeight(), await track.getDisplayWidth()] as const;
    return {
      shape: [packetCount, ...size, 3],
      fps: rate(packetCount, await track.computeDuration()),
      [Symbol.asyncIterator]: () => samples(input, track, options),
    };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

/** The frames of a track, one by one. */
async function* samples(
  input: Input,
  track: InputVideoTrack,
  options: DecodeOptions,
): AsyncGenerator<Frames, void> {
  const iterator = new VideoSampleSink(track).samples();
  try {
    for (;;) {
      const frame = await named(options, async () => {
        const { value: sample } = await iterator.next();
        if (!sample) return undefined;
        try {
          options.signal?.throwIfAborted();
          const { codedHeight, codedWidth, rotation, flip } = sample;
          const pixels = { data: await rgbOf(sample), height: codedHeight, width: codedWidth };
          const { data, height, width } = oriented(pixels, rotation, flip);
          return { data, shape: [1, height, width, 3] } as const;
        } finally {
          sample.close();
        }
      });
      if (frame === undefined) return;
      yield frame;
    }
  } finally {
    await iterator.return(undefined);
    input.dispose();
  }
}

function gif(bytes: Uint8Array<ArrayBuffer>): VideoStream {
  const decoded = decodeGif(bytes);
  const seconds = decoded.reduce((sum, { delay }) => sum + delay / 1000, 0);
  const { height, width } = decoded[0]!;
  return {
    shape: [decoded.length, height, width, 3],
    fps: rate(decoded.length, seconds),
    async *[Symbol.asyncIterator]() {
      for (const { data, height, width } of decoded)
        yield { data: withoutAlpha(data), shape: [1, height, width, 3] } as const;
    },
  };
}

/**
 * Frames per second. Containers round times to a millisecond or a hundredth of a second: a rate that is nearly an integer is
 * taken for that integer.
 */
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

/** A PNG file as one frame. @throws InputError where the bytes are not a PNG. */
export function decodePng(bytes: Uint8Array, name = 'frame'): Frames {
  let image: ReturnType<typeof decodePixels>;
  try {
    image = decodePixels(bytes);
  } catch (cause) {
    throw new InputError(`${name}: not a PNG that can be read: ${(cause as Error).message}`, { cause });
  }
  const { width, height, depth } = image;
  const data =
    image.palette !== undefined ? convertIndexedToRgb(image) : depth < 8 ? unpacked(image) : image.data;
  const channels = data.length / (width * height); // gray, gray and alpha, RGB, RGBA
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++)
    for (let channel = 0; channel < 3; channel++) {
      const value = data[pixel * channels + (channels < 3 ? 0 : channel)]!;
      rgb[pixel * 3 + channel] = depth === 16 ? value >> 8 : value;
    }
  return { data: rgb, shape: [1, height, width, 3] };
}

/** Greys of 1, 2 or 4 bits, whose rows begin at whole bytes, as bytes of the full range. */
function unpacked({ width, height, depth, data }: ReturnType<typeof decodePixels>): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const most = 2 ** depth - 1;
  return Uint8Array.from({ length: width * height }, (_, pixel) => {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    const byte = data[y * rowBytes + Math.floor((x * depth) / 8)]!;
    return (((byte >> (8 - depth - ((x * depth) % 8))) & most) * 255) / most;
  });
}
