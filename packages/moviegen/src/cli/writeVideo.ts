// Writes a video to its files, or to standard output, while its frames arrive. Not here: formats (video/encode.ts, image.ts),
// files that come out whole or not at all (node/outputs.ts).

import { InputError } from '../errors.ts';
import type { OutputWriter } from '../node/outputs.ts';
import { encodePng } from '../video/decode.ts';
import { encodeVideo, encodeVideoTo, formatOf, VIDEO_FORMATS } from '../video/encode.ts';
import { type Frames, piecesOf, type Video, type VideoStream } from '../video/frames.ts';
import { encodeImage, IMAGE_FORMATS, isImage } from './image.ts';
import type { Run } from './run.ts';

/** What `--format` may be. */
export const FORMATS = [...VIDEO_FORMATS, ...IMAGE_FORMATS];

/** Where a video goes. */
export interface Target {
  /** A path, or `-` for standard output. */
  readonly file: string;
  /** The format on standard output; a file's is its extension. */
  readonly format?: string | undefined;
  /** Whether the name was made here, not given: a file that has it stays, and this one takes the next name. */
  readonly made?: boolean | undefined;
  /** A folder that gets each frame as a PNG, too. */
  readonly framesDir?: string | undefined;
}

/** Chooses a name that nothing has where it is made here, and makes sure that it can be written. @throws InputError */
export async function chosen(run: Run, target: Target): Promise<Target> {
  const file = target.made ? await run.outputs.choose(target.file) : target.file;
  await checkTarget(run, { ...target, file });
  return { ...target, file };
}

/** Makes sure that a video can be written, as far as that can be known before it is made. @throws InputError */
export async function checkTarget({ outputs }: Run, target: Target): Promise<void> {
  const { file, framesDir } = target;
  const name = nameOf(target);
  if (!isImage(name)) formatOf(name);
  if (file !== '-') await outputs.check(file);
  if (framesDir !== undefined) await outputs.checkFolder(framesDir);
}

/** Makes sure that an image is of one frame. @throws InputError */
export function checkCount(target: Target, count: number | undefined): void {
  if (isImage(nameOf(target)) && count !== undefined && count !== 1)
    throw new InputError(
      `output: ${target.file} is one image, but there are ${count} frames; name a video file`,
    );
}

/** A name whose extension is the format. */
const nameOf = ({ file, format = 'mp4' }: Target): string => (file === '-' ? `-.${format}` : file);

/**
 * Writes a video file, or an image of a video of one frame; with a folder, also each frame as a PNG. All files come out, or none.
 * @param decoded called when the last frame has arrived and only the files are left to be finished
 * @returns the path that the file has got
 */
export async function write(
  run: Run,
  video: Video | VideoStream,
  target: Target,
  decoded: () => void = () => {},
): Promise<string> {
  const { signal, outputs } = run;
  const { file, made, framesDir } = target;
  await checkTarget(run, target);
  const { shape, fps } = video;
  checkCount(target, shape[0]);
  const writers: OutputWriter[] = [];
  try {
    const begin = async (opened: Promise<OutputWriter>) => {
      const writer = await opened;
      writers.push(writer);
      return writer;
    };
    /** The frames as they come; each is also written as a PNG where a folder is given. */
    async function* noted(): AsyncGenerator<Frames> {
      let count = 0;
      for await (const piece of piecesOf(video)) {
        for (let k = 0; framesDir !== undefined && k < piece.shape[0]; k++) {
          const writer = await begin(outputs.beginFrame(framesDir, count + k));
          await writer.write(encodePng(piece, k), 0);
          await writer.close();
        }
        count += piece.shape[0];
        yield piece;
      }
      decoded();
    }
    const sink = file === '-' ? undefined : await begin(outputs.begin(file, made));
    const name = nameOf(target);
    const stream = { shape, fps, [Symbol.asyncIterator]: noted };
    if (isImage(name)) {
      for await (const image of noted()) {
        const bytes = await encodeImage(name, image);
        await (sink === undefined ? run.send(bytes) : sink.write(bytes, 0));
      }
    } else if (sink === undefined)
      await run.send(await encodeVideo(stream, { format: formatOf(name), signal }));
    else await encodeVideoTo(sink, stream, { format: formatOf(name), signal });
    const names = await outputs.commit(writers, signal);
    if (framesDir !== undefined) await outputs.removeFrames(framesDir, shape[0]);
    return sink === undefined ? file : names[writers.indexOf(sink)]!;
  } catch (error) {
    await outputs.discard(writers);
    throw error;
  }
}
