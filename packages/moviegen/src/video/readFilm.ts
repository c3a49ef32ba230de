// A film's frames as RGB at an even rate, as players show them. Not here: containers (film.ts), pictures, and what a file is
// (decode.ts).

import type { Source } from 'mediabunny';
import { InputError } from '../errors.ts';
import { type DecodeOptions, type Film, openFilm } from './film.ts';
import type { Frames, VideoStream } from './frames.ts';
import { type Timeline, timelineOf } from './timeline.ts';

/**
 * Opens a film, whose frames are then decoded as they are asked for. Going through them closes it.
 * @param end when the video ends by its edit list, in seconds; undefined where it does not say.
 */
export async function readFilm(
  file: Uint8Array<ArrayBuffer> | Blob | Source,
  options: DecodeOptions,
  end?: number,
): Promise<VideoStream> {
  const { name = 'video' } = options;
  const film = await openFilm(file, options, end);
  const timeline = timelineOf(film.starts, film.end);
  const notes = [...film.notes, ...(timeline.note === undefined ? [] : [`${name}: ${timeline.note}`])];
  return {
    shape: [timeline.frames.length, film.height, film.width, 3],
    fps: timeline.fps,
    notes,
    [Symbol.asyncIterator]: () => evenly(name, film, timeline),
  };
}

/** Frames as often as the timeline shows them. @throws InputError where there is none */
async function* evenly(name: string, film: Film, timeline: Timeline): AsyncGenerator<Frames, void> {
  let k = 0;
  let next = 0;
  try {
    for await (const stored of film.frames()) {
      if (timeline.frames[next] === k) {
        const { data, height, width } = stored.rgb();
        const frame: Frames = { data, shape: [1, height, width, 3] };
        while (timeline.frames[next] === k) {
          next++;
          yield frame;
        }
      }
      k++;
      if (next === timeline.frames.length) return;
    }
    if (k === 0)
      throw new InputError(`${name}: this video is damaged: none of its frames can be decoded; get it again`);
  } finally {
    film.close();
  }
}
