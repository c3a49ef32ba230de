// Reads videos from files and from folders of pictures, and fixtures from a folder. Not here: how a file of a video or a
// picture is decoded (video/decode.ts).

import { openAsBlob } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { checkText } from '../arguments.ts';
import { InputError } from '../errors.ts';
import type { FixtureFiles } from '../parity/parity.ts';
import { holdsWanCases, type WanFixtureFiles } from '../parity/wan/check.ts';
import { openStored, openVideo } from '../video/decode.ts';
import type { DecodeOptions, Film } from '../video/film.ts';
import { checkFps, collectFrames, type Video, type VideoStream } from '../video/frames.ts';
import { localPath } from './paths.ts';

/** Options of {@link readVideo}. */
export interface ReadVideoOptions {
  /** Frames per second of a folder of pictures or a single picture, which do not say. Default 16. */
  readonly fps?: number | undefined;
  /** Takes what is there of a file that was cut short, instead of refusing it. Default false. */
  readonly allowPartial?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a video or picture file, or a folder of pictures as frames in the order of their names.
 * @throws InputError where there is none, or where it was cut short.
 */
export async function readVideo(path: string | URL, options: ReadVideoOptions = {}): Promise<Video> {
  return collectFrames(await streamVideo(path, options));
}

/**
 * The same frame by frame, each read when it is asked for.
 * @throws InputError where there is no video; the stream throws it where a frame cannot be read.
 */
export async function streamVideo(
  source: string | URL,
  { fps = 16, allowPartial, signal }: ReadVideoOptions = {},
): Promise<VideoStream> {
  checkFps({ fps });
  if (!(source instanceof URL)) checkText('video: the path', source);
  const path = localPath(source);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined && source === '-')
    throw new InputError(
      'video: standard input (-) is not read as a video or picture: write it to a file first',
    );
  if (found === undefined) throw new InputError(`video: there is no file or folder ${path}`);
  if (found.isDirectory()) return pictures(await framesIn(path), fps, signal);
  const stream = await openVideo(await blobOf(path), { name: path, allowPartial, signal });
  return stream.shape[0] === 1 && isPicture(path) ? { ...withFrames(stream), fps } : stream;
}

/**
 * Opens a film to have its frames as they are stored, when the file shows them.
 * @throws InputError where there is none that can be read here, or where it was cut short.
 */
export async function readStored(path: string, options: Omit<DecodeOptions, 'name'> = {}): Promise<Film> {
  return openStored(await blobOf(path), { ...options, name: path });
}

const withFrames = (stream: VideoStream): VideoStream => ({
  shape: stream.shape,
  fps: stream.fps,
  ...(stream.notes && { notes: stream.notes }),
  [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
});

/** Names that pictures have; what a file really is, its bytes say. */
const isPicture = (name: string): boolean => /\.(png|jpe?g|webp|avif|gif|bmp|tiff?)$/i.test(name);

/** The pictures of a folder. Hidden files are passed over: systems leave some beside the real ones (`._frame.png`). */
async function framesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.') && isPicture(name));
  if (names.length === 0)
    throw new InputError(`video: the folder ${folder} holds no pictures (PNG, JPEG, WebP, AVIF, gif)`);
  return names.sort(byNumber).map((name) => join(folder, name));
}

async function pictures(
  paths: readonly string[],
  fps: number,
  signal: AbortSignal | undefined,
): Promise<VideoStream> {
  const read = async (path: string) => {
    const stream = await openVideo(await blobOf(path), { name: path, signal });
    for await (const frame of stream) return frame;
    throw new InputError(`video: ${path} holds no picture`);
  };
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

const blobOf = (path: string): Promise<Blob> =>
  openAsBlob(path).catch((cause: Error) => {
    throw new InputError(`video: cannot read ${path}: ${cause.message}`, { cause });
  });

/** Fixtures of both kinds below a folder. */
export interface Fixtures extends FixtureFiles, WanFixtureFiles {
  /** Names of the folders with Wan's cases. */
  readonly wanFolders: readonly string[];
}

/** The fixtures in a folder: its sub-folders with a `fixture.json` or with Wan's cases, or the folder itself. @throws InputError */
export async function fixtureFiles(folder: string): Promise<Fixtures> {
  const root = resolve(folder);
  const entries = await readdir(root, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) throw new InputError(`parity: there is no folder ${root}`);
  const within = (base: string): WanFixtureFiles => ({
    list: (path) => readdir(join(base, path)).catch(() => []),
    read: async (path) => new Uint8Array(await readFile(join(base, path))),
  });
  const found = async (files: WanFixtureFiles, name: string) => ({
    name,
    own: (await files.list(name)).includes('fixture.json'),
    wan: await holdsWanCases(files, name),
  });
  let files = within(dirname(root));
  let places = [await found(files, basename(root))].filter(({ own, wan }) => own || wan);
  if (places.length === 0) {
    files = within(root);
    const names = entries.filter((one) => one.isDirectory()).map(({ name }) => name);
    places = await Promise.all(names.sort().map((name) => found(files, name)));
  }
  const folders = places.filter(({ own }) => own).map(({ name }) => name);
  const wanFolders = places.filter(({ own, wan }) => wan && !own).map(({ name }) => name);
  if (folders.length + wanFolders.length === 0)
    throw new InputError(`parity: ${root} holds no folder with a fixture.json, and none with cases of Wan`);
  return { ...files, wanFolders, folders: async () => folders };
}

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
