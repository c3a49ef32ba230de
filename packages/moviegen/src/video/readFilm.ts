// Frames out of containers, through mediabunny, which comes with this file: it is loaded only when a film is read. Not here:
// pictures, and what a file is (decode.ts).

import {
  ALL_FORMATS,
  BlobSource,
  BufferSource,
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
import { checkPixels, type Frames, type VideoStream } from './frames.ts';
import { oriented } from './orient.ts';
import { rgbOf } from './rgb.ts';
import { type Timeline, timelineOf } from './timeline.ts';

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

/**
 * Opens a film.
 * @param end when the video ends by its edit list, in seconds; undefined where it does not say.
 */
export function readFilm(
  file: Uint8Array<ArrayBuffer> | Blob | Source,
  options: DecodeOptions,
  end?: number,
): Promise<VideoStream> {
  const source = () =>
    file instanceof Source ? file : file instanceof Blob ? new BlobSource(file) : new BufferSource(file);
  return named(options, () => film(source(), options, end));
}

async function film(source: Source, options: DecodeOptions, end?: number): Promise<VideoStream> {
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
    const timeline = timelineOf(fromZero(starts.slice(first)), last);
    if (timeline.note !== undefined) notes.push(`${name}: ${timeline.note}`);
    const size = [await track.getDisplayHeight(), await track.getDisplayWidth()] as const;
    checkPixels(name, size[0] * size[1], options.maxPixels);
    return {
      shape: [timeline.frames.length, ...size, 3],
      fps: timeline.fps,
      notes,
      [Symbol.asyncIterator]: () => evenly(samples(input, track, options), timeline, first),
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
  const said = (await track.getCodec()) ?? (await track.getInternalCodecId()) ?? 'unknown';
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

/** Frames as often as the timeline shows them. @param first of the file's frames the first one that the timeline knows. */
async function* evenly(
  frames: AsyncGenerator<Frames, void>,
  timeline: Timeline,
  first: number,
): AsyncGenerator<Frames, void> {
  let at = 0;
  let next = 0;
  try {
    for await (const frame of frames) {
      const k = at++ - first;
      while (timeline.frames[next] === k) {
        next++;
        yield frame;
      }
      if (next === timeline.frames.length) return;
    }
  } finally {
    await frames.return();
  }
}

/** The frames of a track in the order in which they are shown, each on its own. */
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
