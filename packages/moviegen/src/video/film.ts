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
  VideoSampleSink,
} from 'mediabunny';
import { registerCodecs } from '#platform';
import { InputError } from '../errors.ts';
import { checkPixels } from './frames.ts';
import { oriented, type Picture } from './orient.ts';
import { rgbOfStored, type StoredPixels, storedPixels } from './rgb.ts';

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
  /** The same as 8-bit RGB, turned and flipped as the file says. */
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
  /** What a person should know: frames that are missing. */
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
    const { num, den } = await track.getPixelAspectRatio();
    if (num !== den)
      throw new InputError(
        `${name}: its pixels are ${num}:${den}, not square; convert it first: ffmpeg -i FILE -vf scale=iw*sar:ih,setsar=1 SQUARE.mp4`,
      );
    const { starts, last, missing } = await times(track, end);
    const notes: string[] = [];
    if (missing > 0) {
      const short = `${starts.length} of its ${starts.length + missing} frames are there: the file was cut short`;
      if (!allowPartial)
        throw new InputError(
          `${name}: ${short}; get it again, or take what is there: --allow-partial (allowPartial in the library)`,
        );
      notes.push(`${name}: ${short}`);
    }
    if (starts.length === 0) throw new InputError(`${name}: it has no frames; it may have been cut short`);
    const first = Math.max(
      0,
      starts.findLastIndex((start) => start <= 0),
    ); // of the frames before 0 only the last one is still seen
    const shown = fromZero(starts.slice(first));
    const begin = shown[0]!;
    const [height, width] = [await track.getDisplayHeight(), await track.getDisplayWidth()];
    checkPixels(name, height * width, options.maxPixels);
    return {
      height,
      width,
      starts: shown.map((start) => start - begin),
      end: last - begin,
      notes,
      frames: (from, to) => frames(track, { begin, stored: starts[first]! }, options, from, to),
      close: () => input.dispose(),
    };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

/** Why a file of a known format has no video. */
async function withoutVideo(input: Input): Promise<string> {
  const format = await input.getFormat();
  if ((await input.getTracks()).length > 0) return 'it has no video track';
  if (format === MP4 || format === QTFF)
    return 'it is incomplete: its index never came, as in a download that broke off or a recording that was not ended; get it again';
  return `this ${format.name} file has no video of a kind that is read here, or was cut short before it began`;
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
    `${name}: its video is coded as ${String(said)}, which is not decoded here; convert it first: ffmpeg -i FILE -c:v libx264 VIDEO.mp4`,
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

/** @param origin when the first shown frame is shown, and when the file says that it begins. */
async function* frames(
  track: InputVideoTrack,
  { begin, stored }: { readonly begin: number; readonly stored: number },
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
          const { height, width } = pixels;
          return {
            time: Math.max(0, timestamp - begin),
            pixels,
            turned: rotation !== 0 || flip,
            rgb: () => oriented({ data: rgbOfStored(pixels), height, width }, rotation, flip),
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

/** Runs a step of reading; what it throws is said with the video's name. */
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
