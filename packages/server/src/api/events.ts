// `GET /v1/videos/{id}/events`: server-sent events while a video is made. `video` whenever its state or progress changes,
// `preview` with a small picture of it, `deleted` where it goes; the stream ends with the video.

import { streamSSE } from 'hono/streaming';
import { ApiError } from '../errors.ts';
import { pause } from '../pause.ts';
import { videoAnswer } from './answers.ts';
import { type Ask, type Services, videoNamed } from './context.ts';

/** Streams that a server holds open at most. */
const MOST = 200;
const LOOK_MS = 400;
const BREATH_MS = 15_000;

/** The route. */
export function eventsRoute(services: Services) {
  let open = 0;
  return async (c: Ask): Promise<Response> => {
    const { owner } = c.var;
    let row: Awaited<ReturnType<typeof videoNamed>> | undefined = await videoNamed(
      services,
      owner,
      c.req.param('id')!,
    );
    if (open >= MOST)
      throw new ApiError(
        429,
        'too_many_streams',
        'too many streams of events are open: poll the video instead',
        {
          retryAfter: 10,
        },
      );
    open++;
    const { id } = row;
    return streamSSE(
      c,
      async (stream) => {
        const gone = new AbortController();
        stream.onAbort(() => gone.abort());
        try {
          let shown = '';
          let png = '';
          let told = Date.now();
          while (row !== undefined && !gone.signal.aborted) {
            const data = JSON.stringify(videoAnswer(row));
            if (data !== shown) {
              await stream.writeSSE({ event: 'video', data });
              told = Date.now();
            }
            shown = data;
            if (row.preview !== null && row.preview.png !== png) {
              png = row.preview.png;
              const preview = { id, b64_png: png, frames: row.preview.frames };
              await stream.writeSSE({ event: 'preview', data: JSON.stringify(preview) });
              told = Date.now();
            }
            if (row.status === 'completed' || row.status === 'failed') return;
            if (Date.now() - told > BREATH_MS) {
              await stream.write(': waiting\n\n');
              told = Date.now();
            }
            await services.videos.watch(id);
            await pause(LOOK_MS, gone.signal);
            row = await services.videos.get(owner, id);
          }
          if (row === undefined) await stream.writeSSE({ event: 'deleted', data: JSON.stringify({ id }) });
        } finally {
          open--;
        }
      },
      // The client connects again: what went wrong is answered then.
      async () => {},
    );
  };
}
