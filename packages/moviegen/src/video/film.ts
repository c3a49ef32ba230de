// Containers through mediabunny, which comes with this file: it is loaded only when a film is read. A film here is its index
// and its frames as they are stored, each with the time at which the file shows it. Not here: even rates (readFilm.ts), colours
// (rgb.ts), pictures, and what a file is (decode.ts).

import {
  ALL_FORMATS,
  BlobSource,
  BufferSource,
  canDecodeVideo,
  EncodedPacketSink,
  Input,
  type InputVideoTrack,
  Logging,
  LogLevel,
  MP4,
  QTFF,
  Source,
  UnsupportedInputFormatError,
  VideoSampleSink,
} from 'mediabunny';
import { registerCodecs } from '#platform';
import { InputError } from '../errors.ts';
import { damaged, TAKE_WHAT_IS_THERE } from './damaged.ts';
import { checkPixels } from './frames.ts';
import { oriented, type Picture } from './orient.ts';
import { resampled } from './resample.ts';
import { rgbOfStored, type StoredPixels, storedPixels } from './rgb.ts';

/** How a video is made readable here. */
const CONVERT = 'ffmpeg -i FILE -c:v libx264 VIDEO.mp4';
/** Pixels that are longer than this in one direction are a mistake of the file. */
const MOST_ASPECT = 16;

/** Options of reading a video. */
export interface DecodeOptions {
  /** Its name in messages. */
  readonly name?: string;
  /** Takes what is there of a file that was cut short, instead of refusing it. Default false. */
  readonly allowPartial?: boolean | undefined;
  /** Refuses, before it is decoded, a film with more pixels per frame or a picture with more in all its frames together. */
  readonly maxPixels?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A frame as it is stored, and when the file shows it. */
export interface StoredFrame {
  /** In seconds, from the first frame that is shown. */
  readonly time: number;
  /** Luma and chroma as they are stored, not yet turned as the file says. */
  readonly pixels: StoredPixels;
  /** Whether the file says that its frames are to be turned or flipped. */
  readonly turned: boolean;
  /** The same as 8-bit RGB with square pixels, turned and flipped as the file says. */
  rgb(): Picture;
}

/** A film that was opened. */
export interface Film {
  /** As it is meant to be seen. */
  readonly height: number;
  readonly width: number;
  /** When frames begin to be shown, in seconds from the first one, in order. */
  readonly starts: readonly number[];
  /** When the last frame is no longer shown. */
  readonly end: number;
  /** What a person should know: frames that are missing, pixels that are not square. */
  readonly notes: readonly string[];
  /** Decodes the frames that are shown from one time, in seconds, until before another; all where none is given. */
  frames(from?: number, to?: number): AsyncGenerator<StoredFrame, void>;
  /** Lets go of the file. */
  close(): void;
}

/**
 * Opens a film.
 * @param end when the video ends by its edit list, in seconds; undefined where it does not say.
 * @throws InputError where it is not a video that can be read here, or was cut short.
 */
export function openFilm(
  file: Uint8Array<ArrayBuffer> | Blob | Source,
  options: DecodeOptions = {},
  end?: number,
): Promise<Film> {
  const source = () =>
    file instanceof Source ? file : file instanceof Blob ? new BlobSource(file) : new BufferSource(file);
  return named(options, () => opened(source(), options, end));
}

async function opened(source: Source, options: DecodeOptions, end?: number): Promise<Film> {
  const { name = 'video', allowPartial = false } = options;
  await registerCodecs();
  Logging.level = LogLevel.Silent; // what it would write is said here, in one line
  const input = new Input({ source, formats: ALL_FORMATS });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) throw new InputError(`${name}: ${await withoutVideo(input)}`);
    await checkCodec(track, name);
    const { starts, last, missing } = await times(track, end);
    const notes: string[] = [];
    if (missing > 0) {
      const short = `${starts.length} of its ${starts.length + missing} frames are there: the file was cut short`;
      if (!allowPartial) throw new InputError(`${name}: ${short}; ${TAKE_WHAT_IS_THERE}`);
      notes.push(`${name}: ${short}`);
    }
    if (starts.length === 0)
      throw new InputError(`${name}: it has no frames, or was cut short before the first one: get it again`);
    const first = Math.max(
      0,
      starts.findLastIndex((start) => start <= 0),
    ); // of the frames before 0 only the last one is still seen
    const shown = fromZero(starts.slice(first));
    const begin = shown[0]!;
    const [height, width] = [await track.getDisplayHeight(), await track.getDisplayWidth()];
    const square = await squareSize(track, name);
    if (square) notes.push(`${name}: ${square.note}`);
    checkPixels(name, height * width, options.maxPixels);
    return {
      height,
      width,
      starts: shown.map((start) => start - begin),
      end: last - begin,
      notes,
      frames: (from, to) => frames(track, { begin, stored: starts[first]!, square }, options, from, to),
      close: () => input.dispose(),
    };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

/** The size at which pixels that are not square get their shape, before they are turned. */
interface SquareSize {
  readonly height: number;
  readonly width: number;
  readonly note: string;
}

/** @returns undefined where pixels are square @throws InputError where the file says what no picture has */
async function squareSize(track: InputVideoTrack, name: string): Promise<SquareSize | undefined> {
  const [H, W] = [await track.getCodedHeight(), await track.getCodedWidth()];
  const [height, width] = [await track.getSquarePixelHeight(), await track.getSquarePixelWidth()];
  if (height === H && width === W) return undefined;
  if (height > MOST_ASPECT * H || width > MOST_ASPECT * W || !(height > 0 && width > 0))
    throw new InputError(
      `${name}: it is damaged: ${W}x${H} pixels are said to be shown as ${width}x${height}; get it again, ` +
        'or say their shape: ffmpeg -i FILE -vf setsar=1 VIDEO.mp4',
    );
  const note = `its pixels are not square: ${W}x${H} scaled to ${width}x${height}, the shape that it is shown in`;
  return { height, width, note };
}

/** Why a file of a known format has no video. */
async function withoutVideo(input: Input): Promise<string> {
  const format = await input.getFormat();
  if ((await input.getTracks()).length > 0) return 'it has no video track: give a file that has one';
  if (format === MP4 || format === QTFF)
    return 'it is incomplete: its index never came, as in a download that broke off or a recording that was not ended; get it again';
  return `this ${format.name} file has no video of a kind that is read here, or was cut short before it began: get it again, or convert it, for example with ${CONVERT}`;
}

/** Starts whose first one is 0 where that frame is held from long before; part of a frame's time is left as it is. */
function fromZero(starts: readonly number[]): readonly number[] {
  const [a = 0, b = a, c = b] = starts;
  return a < 0 && b - a > 1.5 * (c - b) ? [0, ...starts.slice(1)] : starts;
}

async function checkCodec(track: InputVideoTrack, name: string): Promise<void> {
  if (await track.canDecode()) return;
  const codec = await track.getCodec();
  if (codec !== null && (await canDecodeVideo(codec)))
    throw new InputError(
      `${name}: it is damaged: its video is coded as ${codec}, but no frame of it can be found; get it again`,
    );
  const said = codec ?? (await track.getInternalCodecId()) ?? 'unknown';
  throw new InputError(
    `${name}: its video is coded as ${String(said)}, which is not decoded here; convert it first: ${CONVERT}`,
  );
}

/** When frames begin to be shown, in order, and when the last one ends; and how many the file promises but does not hold. */
async function times(
  track: InputVideoTrack,
  end = Number.POSITIVE_INFINITY,
): Promise<{ starts: number[]; last: number; missing: number }> {
  const sink = new EncodedPacketSink(track);
  const promised: { start: number; end: number }[] = [];
  for await (const { timestamp, duration } of sink.packets(undefined, undefined, { metadataOnly: true }))
    promised.push({ start: timestamp, end: timestamp + duration });
  const there = (await isWhole(sink, promised.at(-1)?.start))
    ? promised
    : promised.slice(0, await held(sink));
  const kept = there.filter(({ start }) => start < end - 1e-6).sort((a, b) => a.start - b.start);
  const last = Math.min(
    end,
    kept.reduce((most, one) => Math.max(most, one.end), 0),
  );
  return { starts: kept.map(({ start }) => start), last, missing: promised.length - there.length };
}

/** Whether the bytes of the last frame are there. */
async function isWhole(sink: EncodedPacketSink, last: number | undefined): Promise<boolean> {
  if (last === undefined) return true;
  const packet = await sink.getPacket(last).catch(() => null);
  return packet !== null && packet.data.length > 0 && Math.abs(packet.timestamp - last) < 1e-3;
}

/** How many frames, in the order of the file, have their bytes. */
async function held(sink: EncodedPacketSink): Promise<number> {
  let count = 0;
  try {
    for await (const { data } of sink.packets()) if (data.length > 0) count++;
  } catch {
    // What cannot be read is not there.
  }
  return count;
}

/** `begin`: when the first shown frame is shown; `stored`: when the file says that it begins. */
async function* frames(
  track: InputVideoTrack,
  {
    begin,
    stored,
    square,
  }: { readonly begin: number; readonly stored: number; readonly square: SquareSize | undefined },
  options: DecodeOptions,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): AsyncGenerator<StoredFrame, void> {
  // The frame that is shown at `from` may have begun before it.
  const iterator = new VideoSampleSink(track).samples(from > 0 ? begin + from : stored, begin + to);
  try {
    for (;;) {
      const frame = await named(options, async () => {
        const { value: sample } = await iterator.next();
        if (!sample) return undefined;
        try {
          options.signal?.throwIfAborted();
          const { rotation, flip, timestamp } = sample;
          const pixels = await storedPixels(sample);
          return {
            time: Math.max(0, timestamp - begin),
            pixels,
            turned: rotation !== 0 || flip,
            rgb: () => oriented(shaped(pixels, square), rotation, flip),
          };
        } finally {
          sample.close();
        }
      });
      if (frame === undefined) return;
      yield frame;
    }
  } finally {
    await iterator.return(undefined);
  }
}

/** The pixels as RGB, made square. */
function shaped(pixels: StoredPixels, square: SquareSize | undefined): Picture {
  const { height, width } = pixels;
  const data = rgbOfStored(pixels);
  if (square === undefined) return { data, height, width };
  const shape = [1, height, width, 3] as const;
  return { ...square, data: resampled({ data, shape }, square.height, square.width, 'bicubic').data };
}

/** Runs a step of reading; what it throws is said with the video's name. */
async function named<T>({ name = 'video', signal }: DecodeOptions, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof InputError) throw error;
    if (error instanceof UnsupportedInputFormatError)
      throw new InputError(
        `${name}: this is neither a video nor a picture of a kind that is read here: convert it first, for example with ${CONVERT}`,
        { cause: error },
      );
    throw damaged(name, 'video', error, CONVERT);
  }
}
