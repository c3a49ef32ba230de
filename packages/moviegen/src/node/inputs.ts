// Reads videos from files and from folders of PNG frames, and fixtures from a folder. Not here: how a video file is decoded
// (video/decode.ts).

import { openAsBlob } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../errors.ts';
import type { FixtureFiles } from '../parity/parity.ts';
import { decodePng, openVideo } from '../video/decode.ts';
import { checkFps } from '../video/encode.ts';
import { collectFrames, type Video, type VideoStream } from '../video/frames.ts';

/** Options of {@link readVideo}. */
export interface ReadVideoOptions {
  /** Frames per second of a folder of frames, which does not say it itself. Default 16. */
  readonly fps?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a video file, a PNG image, or a folder of PNG frames in the order of their names.
 * @throws InputError where there is no video, or it cannot be read.
 */
export async function readVideo(path: string, options: ReadVideoOptions = {}): Promise<Video> {
  return collectFrames(await streamVideo(path, options));
}

/**
 * The same frame by frame, each read when it is asked for.
 * @throws InputError where there is no video; the stream throws it where a frame cannot be read.
 */
export async function streamVideo(
  path: string,
  { fps = 16, signal }: ReadVideoOptions = {},
): Promise<VideoStream> {
  checkFps({ fps });
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new InputError(`video: there is no file or folder ${path}`);
  if (found.isDirectory()) return images(await framesIn(path), fps, signal);
  if (path.toLowerCase().endsWith('.png')) return images([path], fps, signal);
  const options = signal ? { name: path, signal } : { name: path };
  const file = await openAsBlob(path).catch((cause: Error) => {
    throw new InputError(`video: cannot read ${path}: ${cause.message}`, { cause });
  });
  return openVideo(file, options);
}

async function framesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.toLowerCase().endsWith('.png'));
  if (names.length === 0) throw new InputError(`video: the folder ${folder} holds no PNG frames`);
  return names.sort(byNumber).map((name) => join(folder, name));
}

async function images(
  paths: readonly string[],
  fps: number,
  signal: AbortSignal | undefined,
): Promise<VideoStream> {
  const read = async (path: string) => decodePng(await readBytes(path), path);
  const [, height, width] = (await read(paths[0]!)).shape;
  return {
    shape: [paths.length, height, width, 3],
    fps,
    async *[Symbol.asyncIterator]() {
      for (const path of paths) {
        signal?.throwIfAborted();
        const frame = await read(path);
        if (frame.shape[1] !== height || frame.shape[2] !== width)
          throw new InputError(
            `video: ${path} is ${frame.shape[2]}x${frame.shape[1]}, the frames before it are ${width}x${height}`,
          );
        yield frame;
      }
    },
  };
}

/** The fixtures in a folder: its sub-folders with a `fixture.json`, or the folder itself. @throws InputError */
export async function fixtureFiles(root: string): Promise<FixtureFiles> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) throw new InputError(`parity: there is no folder ${root}`);
  const isFixture = (folder: string) =>
    stat(join(folder, 'fixture.json')).then(
      (found) => found.isFile(),
      () => false,
    );
  const single = await isFixture(root);
  const base = single ? dirname(root) : root;
  const folders = single ? [basename(root)] : [];
  if (!single)
    for (const entry of entries.filter((one) => one.isDirectory()))
      if (await isFixture(join(root, entry.name))) folders.push(entry.name);
  if (folders.length === 0) throw new InputError(`parity: ${root} holds no folder with a fixture.json`);
  return {
    folders: async () => folders.sort(),
    read: async (path) => new Uint8Array(await readFile(join(base, path))),
  };
}

async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new InputError(`video: cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
