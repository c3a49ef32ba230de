// Writes video files from frames: mp4 and webm through mediabunny (WebCodecs in a browser, FFmpeg's libraries in Node), gif
// through modern-gif. Not here: where the bytes go (node/outputs.ts, or the caller).

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
import { checkOptions, isObject, isShape } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';
import { checkFps, frameOf, isWhole, piecesOf, type Video, type VideoStream, withAlpha } from './frames.ts';

/** The formats of video files, by their extension. */
export const VIDEO_FORMATS = ['mp4', 'webm', 'gif'] as const;
/** One of {@link VIDEO_FORMATS}. */
export type VideoFormat = (typeof VIDEO_FORMATS)[number];

/** Options of writing a video file. */
export interface EncodeOptions {
  readonly format: VideoFormat;
  readonly signal?: AbortSignal;
  /** Called after each frame. */
  readonly onProgress?: (frames: number, total: number) => void;
}

/** The format that a file's extension names. @throws InputError where it names no format. */
export function formatOf(path: string): VideoFormat {
  const extension = /\.([^./\\]+)$/.exec(typeof path === 'string' ? path : '')?.[1]?.toLowerCase();
  const format = VIDEO_FORMATS.find((name) => name === extension);
  if (format !== undefined) return format;
  const known = VIDEO_FORMATS.map((name) => `.${name}`).join(', ');
  throw new InputError(`output: ${shown(path)} must end in one of ${known}`);
}

/** Takes the bytes of a file while they are made, not always from front to back. */
export interface VideoSink {
  write(bytes: Uint8Array<ArrayBuffer>, position: number): Promise<void> | void;
}

/**
 * Makes a whole video file in memory.
 * @param video its frames, or a stream of frames, of which only the current piece is in memory.
 * @throws the signal's reason where it was aborted.
 */
export async function encodeVideo(
  video: Video | VideoStream,
  options: EncodeOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  check(video, options);
  if (options.format === 'gif') return gif(video, options);
  const target = new BufferTarget();
  await film(video, options, target);
  if (target.buffer === null) throw new Error('internal: the video has no bytes');
  return new Uint8Array(target.buffer);
}

/**
 * Writes a video file while its frames arrive: memory does not grow with their number. Only a gif, whose colours are chosen for
 * all its frames, is put together in memory.
 * @throws the signal's reason where it was aborted; the bytes written by then are not a whole video.
 */
export async function encodeVideoTo(
  sink: VideoSink,
  video: Video | VideoStream,
  options: EncodeOptions,
): Promise<void> {
  check(video, options);
  if (!isObject(sink) || typeof sink.write !== 'function')
    throw new InputError(`video: expected a sink with write(bytes, position), got ${shown(sink)}`);
  if (options.format === 'gif') return sink.write(await gif(video, options), 0);
  const writable = new WritableStream<StreamTargetChunk>({
    write: ({ data, position }) => sink.write(data, position),
  });
  await film(video, options, new StreamTarget(writable, { chunked: true, chunkSize: CHUNK_BYTES }));
}

/** @throws InputError where it is not a video with a rate, or the format is not known. */
function check(video: Video | VideoStream, options: EncodeOptions): void {
  isWhole(video);
  if (!isShape(video.shape, 4))
    throw new InputError(`video: its shape must be [frames, height, width, 3], got ${shown(video.shape)}`);
  checkFps(video);
  checkOptions('video', options);
  if (!VIDEO_FORMATS.includes(options.format))
    throw new InputError(
      `video: format must be one of ${VIDEO_FORMATS.join(', ')}, got ${shown(options.format)}`,
    );
}

/** How many bytes are gathered before they are written. */
const CHUNK_BYTES = 2 ** 20;

/** The codecs for each container, the one that most players know first. */
const CODECS: Readonly<Record<'mp4' | 'webm', VideoCodec[]>> = {
  mp4: ['avc', 'vp9', 'av1'],
  webm: ['vp9', 'vp8', 'av1'],
};
// Constant quantizers, so good that only the resolution of colour is lost, which is halved. Each codec has a scale of its own:
// 0 .. 51, 0 .. 63, 0 .. 255.
const QUANTIZERS: Readonly<Partial<Record<VideoCodec, number>>> = { avc: 10, vp9: 12, av1: 48 };
/** Bits per pixel, where the encoder has no quantizer. */
const BITS_PER_PIXEL = 2;

async function film(
  video: Video | VideoStream,
  { format, signal, onProgress }: EncodeOptions,
  target: BufferTarget | StreamTarget,
): Promise<void> {
  const { fps, shape } = video;
  const [T, height, width] = shape;
  await registerCodecs();
  const fastStart = target instanceof BufferTarget ? 'in-memory' : 'reserve'; // with either, players need not seek
  const container = format === 'webm' ? new WebMOutputFormat() : new Mp4OutputFormat({ fastStart });
  const output = new Output({ format: container, target });
  timeless(output);
  const codec = await codecFor(format === 'webm' ? 'webm' : 'mp4', width, height);
  const bitrate = Math.ceil(Math.max(1e6, width * height * fps * BITS_PER_PIXEL));
  const quantizer = QUANTIZERS[codec];
  const source = new VideoSampleSource({
    codec,
    quality: new Quality(quantizer === undefined ? { bitrate } : { quantizer, bitrate }),
    keyFrameInterval: 2,
    hardwareAcceleration: 'prefer-software', // hardware refuses small sizes and gives different bytes on each machine
    // RGB is converted here as BT.601 says. Some players show other colours where the file does not say so.
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

/** Leaves the time of day out of an mp4, as FFmpeg does: the same frames give the same file. The library has no option for it. */
function timeless(output: Output): void {
  const { _muxer: muxer } = output as unknown as { readonly _muxer?: { creationTime?: number } };
  if (muxer?.creationTime !== undefined) muxer.creationTime = 0;
}

/** Each frame of a video, [H, W, 3]. @throws InputError where their number or size is not what the video said. */
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
        `video: ${T} frames of ${width}x${height} were promised, got frame ${count} of ${W}x${H}`,
      );
    for (let k = 0; k < frames; k++) {
      signal?.throwIfAborted();
      yield frameOf(piece, k);
    }
  }
  if (count < T) throw new InputError(`video: ${T} frames were promised, got ${count}`);
}

async function codecFor(container: 'mp4' | 'webm', width: number, height: number): Promise<VideoCodec> {
  // Encoders of AVC take only even sizes, even where they claim otherwise.
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
  // A gif counts in hundredths of a second: delays are rounded such that their sum stays right.
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
