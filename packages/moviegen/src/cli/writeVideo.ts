// Writes a video to its files while its frames arrive. Not here: formats (video/encode.ts), files that come out whole or not at
// all (node/outputs.ts).

import { InputError } from '../errors.ts';
import type { OutputWriter } from '../node/outputs.ts';
import { encodePng } from '../video/decode.ts';
import { encodeVideoTo, formatOf } from '../video/encode.ts';
import { type Frames, piecesOf, type Video, type VideoStream } from '../video/frames.ts';
import type { Run } from './run.ts';

/** Whether a path names an image. */
export const isImage = (path: string): boolean => path.toLowerCase().endsWith('.png');

/**
 * Writes a video file, or a PNG of a video of one frame; with a folder, also each frame as a PNG. All files come out, or none.
 * @param decoded called when the last frame has arrived and only the files are left to be finished
 */
export async function write(
  { signal, outputs }: Run,
  video: Video | VideoStream,
  file: string,
  framesDir: string | undefined,
  decoded: () => void = () => {},
): Promise<void> {
  await outputs.check(file);
  if (framesDir !== undefined) await outputs.checkFolder(framesDir);
  const { shape, fps } = video;
  if (isImage(file) && shape[0] !== 1)
    throw new InputError(`output: ${file} is one image, but there are ${shape[0]} frames; name a video file`);
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
    const sink = await begin(outputs.begin(file));
    if (isImage(file)) for await (const image of noted()) await sink.write(encodePng(image), 0);
    else {
      const stream = { shape, fps, [Symbol.asyncIterator]: noted };
      await encodeVideoTo(sink, stream, { format: formatOf(file), signal });
    }
    await outputs.commit(writers, signal);
    if (framesDir !== undefined) await outputs.removeFrames(framesDir, shape[0]);
  } catch (error) {
    await outputs.discard(writers);
    throw error;
  }
}
