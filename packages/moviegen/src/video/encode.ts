// Video files from frames: mp4 and webm through mediabunny (WebCodecs in a browser, FFmpeg's libraries in Node),
// gif through modern-gif. Not here: where the bytes go.

import {
  BufferTarget,
  canEncodeVideo,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  Quality,
  type VideoCodec,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from 'mediabunny';
import { encode as encodeGif } from 'modern-gif';
import { registerCodecs } from '#platform';
import { InputError, shown } from '../errors.ts';
import { frameOf, type Video, withAlpha } from './frames.ts';

/** Kinds of video files, by their extension. */
export const VIDEO_FORMATS = ['mp4', 'webm', 'gif'] as const;
/** A kind of video file. */
export type VideoFormat = (typeof VIDEO_FORMATS)[number];

/** Options of writing a video file. */
export interface EncodeOptions {
  readonly format: VideoFormat;
  readonly signal?: AbortSignal;
  /** Called after each frame. */
  readonly onProgress?: (frames: number, total: number) => void;
}

/** The format that a file's extension names. @throws InputError where it names none. */
export function formatOf(path: string): VideoFormat {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase();
  const format = VIDEO_FORMATS.find((name) => name === extension);
  if (format !== undefined) return format;
  const known = VIDEO_FORMATS.map((name) => `.${name}`).join(', ');
  throw new InputError(`output: ${shown(path)} must end in one of ${known}`);
}

/**
 * A whole video file in memory.
 * @throws the signal's reason where it was aborted.
 */
export async function encodeVideo(video: Video, options: EncodeOptions): Promise<Uint8Array<ArrayBuffer>> {
  return options.format === 'gif' ? gif(video, options) : film(video, options);
}

/** Preferred codecs a container, best known to players first. */
const CODECS: Readonly<Record<'mp4' | 'webm', VideoCodec[]>> = {
  mp4: ['avc', 'vp9', 'av1'],
  webm: ['vp9', 'vp8', 'av1'],
};
// Constant quantizers: what is lost is the halved resolution of colour, not detail. Of the codec's own scale:
// 0 .. 51, 0 .. 63, 0 .. 255.
const QUANTIZERS: Readonly<Partial<Record<VideoCodec, number>>> = { avc: 10, vp9: 12, av1: 48 };
/** Where the encoder knows no quantizer: bits a pixel. */
const BITS_A_PIXEL = 2;

async function film(
  video: Video,
  { format, signal, onProgress }: EncodeOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { fps, shape } = video;
  const [T, height, width] = shape;
  await registerCodecs();
  const target = new BufferTarget();
  const container =
    format === 'webm' ? new WebMOutputFormat() : new Mp4OutputFormat({ fastStart: 'in-memory' });
  const output = new Output({ format: container, target });
  const codec = await codecFor(format === 'webm' ? 'webm' : 'mp4', width, height);
  const bitrate = Math.ceil(Math.max(1e6, width * height * fps * BITS_A_PIXEL));
  const quantizer = QUANTIZERS[codec];
  const source = new VideoSampleSource({
    codec,
    quality: new Quality(quantizer === undefined ? { bitrate } : { quantizer, bitrate }),
    keyFrameInterval: 2,
    hardwareAcceleration: 'prefer-software', // hardware refuses small sizes, and gives other bytes on each machine
    // The conversion from RGB here is BT.601's; a file that does not say so is shown in other colours by some.
    onEncodedPacket: (_, metadata) => {
      const config = metadata?.decoderConfig;
      if (config !== undefined && !config.colorSpace?.matrix)
        config.colorSpace = { primaries: 'bt709', transfer: 'bt709', matrix: 'smpte170m', fullRange: false };
    },
  });
  output.addVideoTrack(source, { frameRate: fps });
  try {
    await output.start();
    for (let k = 0; k < T; k++) {
      signal?.throwIfAborted();
      const sample = new VideoSample(withAlpha(frameOf(video, k)), {
        format: 'RGBX',
        codedWidth: width,
        codedHeight: height,
        timestamp: k / fps,
        duration: 1 / fps,
      });
      await source.add(sample);
      sample.close();
      onProgress?.(k + 1, T);
    }
    await output.finalize();
  } catch (error) {
    if (output.state !== 'finalized') await output.cancel().catch(() => {});
    throw error;
  }
  if (target.buffer === null) throw new Error('internal: the video has no bytes');
  return new Uint8Array(target.buffer);
}

async function codecFor(container: 'mp4' | 'webm', width: number, height: number): Promise<VideoCodec> {
  const first = CODECS[container][0]!;
  if (await canEncodeVideo(first, { width, height })) return first;
  const codec = await getFirstEncodableVideoCodec(CODECS[container], { width, height });
  if (codec !== null) return codec;
  throw new InputError(
    `video: nothing here encodes ${container} of ${width}x${height}; use gif or PNG frames`,
  );
}

async function gif(video: Video, { signal, onProgress }: EncodeOptions): Promise<Uint8Array<ArrayBuffer>> {
  const [T, height, width] = video.shape;
  signal?.throwIfAborted();
  // A gif counts hundredths of a second: each delay is rounded so that their sum stays true.
  const hundredths = (k: number) => Math.round((100 * k) / video.fps);
  const frames = Array.from({ length: T }, (_, k) => ({
    data: withAlpha(frameOf(video, k)),
    width,
    height,
    delay: 10 * (hundredths(k + 1) - hundredths(k)),
  }));
  const bytes = await encodeGif({ width, height, frames, looped: true, loopCount: 0 });
  signal?.throwIfAborted();
  onProgress?.(T, T);
  return new Uint8Array(bytes);
}
