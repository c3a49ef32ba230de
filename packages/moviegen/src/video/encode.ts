// Video files from frames: mp4 and webm through mediabunny (WebCodecs in a browser, FFmpeg's libraries in Node),
// gif through modern-gif. Not here: where the bytes go.

import {
  BufferTarget,
  canEncodeVideo,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  Quality,
  StreamTarget,
  type StreamTargetChunk,
  type VideoCodec,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from 'mediabunny';
import { encode as encodeGif } from 'modern-gif';
import { registerCodecs } from '#platform';
import { InputError, shown } from '../errors.ts';
import { frameOf, piecesOf, type Video, type VideoStream, withAlpha } from './frames.ts';

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

/** Where the bytes of a file go as they come: not always from front to back. */
export interface VideoSink {
  write(bytes: Uint8Array<ArrayBuffer>, position: number): Promise<void> | void;
}

/**
 * A whole video file in memory.
 * @param video its frames, or a stream of them, of which only the piece at hand is in memory.
 * @throws the signal's reason where it was aborted.
 */
export async function encodeVideo(
  video: Video | VideoStream,
  options: EncodeOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  checkFps(video);
  if (options.format === 'gif') return gif(video, options);
  const target = new BufferTarget();
  await film(video, options, target);
  if (target.buffer === null) throw new Error('internal: the video has no bytes');
  return new Uint8Array(target.buffer);
}

/**
 * A video file, written as its frames come: memory does not grow with their number. A gif, whose colours are chosen for all
 * its frames, is put together in memory.
 * @throws the signal's reason where it was aborted; what was written by then is no video.
 */
export async function encodeVideoTo(
  sink: VideoSink,
  video: Video | VideoStream,
  options: EncodeOptions,
): Promise<void> {
  checkFps(video);
  if (options.format === 'gif') return sink.write(await gif(video, options), 0);
  const writable = new WritableStream<StreamTargetChunk>({
    write: ({ data, position }) => sink.write(data, position),
  });
  await film(video, options, new StreamTarget(writable, { chunked: true, chunkSize: CHUNK_BYTES }));
}

/** @throws InputError where a video has no rate. */
export function checkFps({ fps }: { readonly fps: number }): void {
  if (!(fps > 0 && Number.isFinite(fps)))
    throw new InputError(`video: fps must be a number above 0, got ${fps}`);
}

/** Bytes that are gathered before they are written. */
const CHUNK_BYTES = 2 ** 20;

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
  video: Video | VideoStream,
  { format, signal, onProgress }: EncodeOptions,
  target: BufferTarget | StreamTarget,
): Promise<void> {
  const { fps, shape } = video;
  const [T, height, width] = shape;
  await registerCodecs();
  const fastStart = target instanceof BufferTarget ? 'in-memory' : 'reserve'; // either way a player need not seek
  const container = format === 'webm' ? new WebMOutputFormat() : new Mp4OutputFormat({ fastStart });
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
  output.addVideoTrack(source, { frameRate: fps, maximumPacketCount: T });
  try {
    await output.start();
    let k = 0;
    for await (const frame of framesOf(video, signal)) {
      const sample = new VideoSample(withAlpha(frame), {
        format: 'RGBX',
        codedWidth: width,
        codedHeight: height,
        timestamp: k / fps,
        duration: 1 / fps,
      });
      await source.add(sample);
      sample.close();
      k++;
      onProgress?.(k, T);
    }
    signal?.throwIfAborted();
    await output.finalize();
  } catch (error) {
    if (output.state !== 'finalized') await output.cancel().catch(() => {});
    throw error;
  }
}

/** Each frame of a video, [H, W, 3]. @throws InputError where there are not as many, or of another size, as it said. */
async function* framesOf(
  video: Video | VideoStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const [T, height, width] = video.shape;
  let count = 0;
  for await (const piece of piecesOf(video)) {
    const [frames, H, W] = piece.shape;
    count += frames;
    if (H !== height || W !== width || count > T)
      throw new InputError(
        `video: ${T} frames of ${width}x${height} were promised, came frame ${count} of ${W}x${H}`,
      );
    for (let k = 0; k < frames; k++) {
      signal?.throwIfAborted();
      yield frameOf(piece, k);
    }
  }
  if (count < T) throw new InputError(`video: ${T} frames were promised, came ${count}`);
}

async function codecFor(container: 'mp4' | 'webm', width: number, height: number): Promise<VideoCodec> {
  // Encoders of AVC take even sizes alone, also those that do not say so.
  const odd = width % 2 === 1 || height % 2 === 1;
  const codecs = CODECS[container].filter((codec) => !(odd && codec === 'avc'));
  const first = codecs[0]!;
  if (await canEncodeVideo(first, { width, height })) return first;
  const codec = await getFirstEncodableVideoCodec(codecs, { width, height });
  if (codec !== null) return codec;
  throw new InputError(
    `video: nothing here encodes ${container} of ${width}x${height}; use gif or PNG frames`,
  );
}

async function gif(
  video: Video | VideoStream,
  { signal, onProgress }: EncodeOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const [T, height, width] = video.shape;
  signal?.throwIfAborted();
  // A gif counts hundredths of a second: each delay is rounded so that their sum stays true.
  const hundredths = (k: number) => Math.round((100 * k) / video.fps);
  const frames: { data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number; delay: number }[] = [];
  for await (const frame of framesOf(video, signal)) {
    const k = frames.length;
    frames.push({ data: withAlpha(frame), width, height, delay: 10 * (hundredths(k + 1) - hundredths(k)) });
  }
  const bytes = await encodeGif({ width, height, frames, looped: true, loopCount: 0 });
  signal?.throwIfAborted();
  onProgress?.(T, T);
  return new Uint8Array(bytes);
}
