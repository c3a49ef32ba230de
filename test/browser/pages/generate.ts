// In the page: makes a video from a prompt, and video files with the browser's codecs.

import {
  decodeVideo,
  encodeVideo,
  type GenerateOptions,
  MovieGen,
  type Video,
  type VideoFormat,
} from 'moviegen';

let opened: { readonly url: string; readonly movieGen: MovieGen } | undefined;

/** Makes a video. @param path the checkpoint's path on the page's server */
export async function generate(path: string, prompt: string, options: GenerateOptions): Promise<Video> {
  const url = new URL(path, location.href).href;
  if (opened?.url !== url) {
    opened?.movieGen.dispose();
    opened = { url, movieGen: await MovieGen.fromPretrained(url) };
  }
  return (await opened.movieGen.generate(prompt, options)).frames;
}

/** Encodes a video as the bytes of a file. */
export const encode = (video: Video, format: VideoFormat): Promise<Uint8Array<ArrayBuffer>> =>
  encodeVideo(video, { format });

/** Decodes the bytes of a video's file. */
export const decode = (bytes: Uint8Array<ArrayBuffer>): Promise<Video> => decodeVideo(bytes);
