// Writes video files from frames: mp4 and webm through mediabunny (WebCodecs in a browser, FFmpeg's libraries in Node), gif
// through modern-gif. Not here: where the bytes go (node/outputs.ts, or the caller).

import { encode as encodeGif } from 'modern-gif';
import { checkOptions, isObject, isShape, type Known } from '../arguments.ts';
import { InputError, shown } from '../errors.ts';
import { checkFps, frameOf, isWhole, piecesOf, type Video, type VideoStream, withAlpha } from './frames.ts';
import type { Film } from './writeFilm.ts';

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
  /** Is told the codec of an mp4 or webm before its first frame: `avc` (H.264) in an mp4, or what there is an encoder for. */
  readonly onCodec?: (codec: 'avc' | 'vp9' | 'vp8' | 'av1') => void;
}

const OPTIONS: Known<EncodeOptions> = { format: true, signal: true, onProgress: true, onCodec: true };

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
  const { filmBytes } = await import('./writeFilm.ts');
  return filmBytes(filmOf(video, options));
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
  const { filmTo } = await import('./writeFilm.ts');
  await filmTo((bytes, position) => sink.write(bytes, position), filmOf(video, options));
}

function filmOf(video: Video | VideoStream, { format, signal, onProgress, onCodec }: EncodeOptions): Film {
  const { fps, shape } = video;
  return {
    container: format === 'webm' ? 'webm' : 'mp4',
    fps,
    shape,
    frames: framesOf(video, signal),
    signal,
    onFrame: (frames) => onProgress?.(frames, shape[0]),
    onCodec: (codec) => onCodec?.(codec),
  };
}

/** @throws InputError where it is not a video with a rate, or the format is not known. */
function check(video: Video | VideoStream, options: EncodeOptions): void {
  isWhole(video);
  if (!isShape(video.shape, 4))
    throw new InputError(`video: its shape must be [frames, height, width, 3], got ${shown(video.shape)}`);
  checkFps(video);
  checkOptions('video', options, OPTIONS);
  if (!VIDEO_FORMATS.includes(options.format))
    throw new InputError(
      `video: format must be one of ${VIDEO_FORMATS.join(', ')}, got ${shown(options.format)}`,
    );
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
