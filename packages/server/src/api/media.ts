// Pictures and videos that clients send: read as a whole by the library before a job is made of them, so that a broken file is
// answered at once. What they were called plays no part.

import { InputError, openVideo, type VideoStream } from 'moviegen';
import { ApiError, invalid } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { type FetchBounds, fetchImage } from './fetchImage.ts';

/** How pictures may be sent. */
export interface MediaRules extends Pick<Limits, 'bodyBytes' | 'imagePixels' | 'videoPixels'> {
  /** Whether addresses of pictures are fetched. */
  readonly allowImageUrls: boolean;
  /** For tests. */
  readonly fetchBounds?: Partial<FetchBounds> | undefined;
}

/** A picture or video of a client. */
export interface Upload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The extension of its key. */
  readonly extension: string;
  readonly width: number;
  readonly height: number;
  readonly numFrames: number;
  readonly fps: number;
}

const LATIN = new TextDecoder('latin1');

/** The extension of a file by its first bytes: of pictures and films that clients may send. */
function extensionOf(bytes: Uint8Array): string | undefined {
  const text = LATIN.decode(bytes.subarray(0, 12));
  if (text.startsWith('\x89PNG')) return 'png';
  if (text.startsWith('\xff\xd8\xff')) return 'jpg';
  if (text.startsWith('RIFF') && text.slice(8) === 'WEBP') return 'webp';
  if (text.slice(4, 8) === 'ftyp')
    return /^(avif|avis|heic|heix|mif1)/.test(text.slice(8)) ? undefined : 'mp4';
  return text.startsWith('\x1a\x45\xdf\xa3') ? 'webm' : undefined;
}

/** A picture: uploaded, in a data: address, or at an address. @throws ApiError */
export async function pictureOf(
  given: File | { readonly image_url?: string | undefined; readonly file_id?: string | undefined },
  rules: MediaRules,
): Promise<Upload> {
  const param = 'input_reference';
  const upload = await checked(await pictureBytes(given, rules), param, ['png', 'jpg', 'webp'], rules);
  if (upload.numFrames !== 1) throw invalid(param, `${param}: expected one picture, got an animation`);
  return upload;
}

/** A video file. @throws ApiError */
export const videoOf = async (given: File, rules: MediaRules): Promise<Upload> =>
  checked(new Uint8Array(await given.arrayBuffer()), 'video', ['mp4', 'webm'], rules);

/** A picture or a video of a character. @throws ApiError */
export const characterOf = async (given: File, rules: MediaRules): Promise<Upload> =>
  checked(new Uint8Array(await given.arrayBuffer()), 'video', ['png', 'jpg', 'webp', 'mp4', 'webm'], rules);

async function pictureBytes(
  given: Parameters<typeof pictureOf>[0],
  { allowImageUrls, bodyBytes, fetchBounds }: MediaRules,
): Promise<Uint8Array<ArrayBuffer>> {
  if (given instanceof File) return new Uint8Array(await given.arrayBuffer());
  const { image_url: address, file_id: fileId } = given;
  if (fileId !== undefined || address === undefined)
    throw invalid(
      'input_reference',
      'input_reference: this server keeps no files: upload the picture in the form, or give image_url with a data: address',
    );
  const [, data] = /^data:image\/[a-z0-9.+-]{1,40};base64,([A-Za-z0-9+/]*={0,2})$/.exec(address) ?? [];
  if (data !== undefined) return new Uint8Array(Buffer.from(data, 'base64'));
  if (/^data:/i.test(address))
    throw invalid('input_reference', 'input_reference.image_url: expected data:image/TYPE;base64,...');
  if (!allowImageUrls)
    throw new ApiError(
      403,
      'image_urls_not_allowed',
      'input_reference.image_url: this server fetches no addresses (--allow-image-urls): send the picture itself, in the form or as a data: address',
      { param: 'input_reference' },
    );
  return fetchImage(address, { maxBytes: bodyBytes, ...fetchBounds });
}

/** Reads a file from beginning to end. */
async function checked(
  bytes: Uint8Array<ArrayBuffer>,
  param: string,
  extensions: readonly string[],
  { imagePixels, videoPixels }: MediaRules,
): Promise<Upload> {
  const extension = extensionOf(bytes);
  if (extension === undefined || !extensions.includes(extension))
    throw invalid(
      param,
      `${param}: expected a file of one of these kinds: ${extensions.join(', ')}`,
      'invalid_file',
    );
  let video: VideoStream;
  try {
    video = await openVideo(bytes, { name: param, maxPixels: imagePixels });
    const [count, height, width] = video.shape;
    if (count * height * width > videoPixels)
      throw invalid(param, `${param}: it has ${count} frames of ${width}x${height}, which is too much here`);
    let frames = 0;
    for await (const piece of video) frames += piece.shape[0];
    if (frames !== count)
      throw new InputError(`${param}: it ends early: ${frames} of its ${count} frames are there`);
    return { bytes, extension, width, height, numFrames: count, fps: video.fps };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const message = error instanceof InputError ? error.message.slice(0, 500) : `${param}: it cannot be read`;
    throw invalid(param, message, 'invalid_file');
  }
}
