// A video to its files.

import { encodePng } from '../video/decode.ts';
import { encodeVideo, formatOf } from '../video/encode.ts';
import type { Video } from '../video/frames.ts';
import type { Run } from './run.ts';

/** Writes a video, and its frames where a folder is given. */
export async function write(
  run: Run,
  video: Video,
  file: string,
  framesDir: string | undefined,
): Promise<void> {
  const { signal, outputs } = run;
  const bytes = await encodeVideo(video, { format: formatOf(file), signal });
  await outputs.check(file);
  if (framesDir !== undefined) {
    await outputs.checkFolder(framesDir);
    const pngs = Array.from({ length: video.shape[0] }, (_, k) => encodePng(video, k));
    await outputs.writeFrames(framesDir, pngs, signal);
  }
  await outputs.write([{ path: file, bytes }], signal);
}
