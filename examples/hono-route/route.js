// POST /video with { "prompt": "...", "seed": 1 } answers with an mp4. One video is made at a time, and other requests wait for
// their turn; a client that hangs up ends its own. For a queue that outlives the process, use `moviegen serve`.

import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { encodeVideo, InputError } from 'moviegen';

/**
 * @param {import('moviegen').VideoPipeline} pipeline
 * @param {import('moviegen').GenerateOptions} [options] for every video
 */
export function videoRoute(pipeline, options) {
  /** @type {Promise<unknown>} */
  let turn = Promise.resolve();

  return new Hono().post('/video', bodyLimit({ maxSize: 16 * 1024 }), async (c) => {
    const body = await c.req.json().catch(() => undefined);
    if (typeof body?.prompt !== 'string')
      return c.json({ error: 'expected JSON with a prompt, a text' }, 400);
    const { signal } = c.req.raw;
    const made = turn.then(async () => {
      signal.throwIfAborted();
      const { frames } = await pipeline.generate(body.prompt, { ...options, seed: body.seed, signal });
      return await encodeVideo(frames, { format: 'mp4' });
    });
    turn = made.catch(() => {});
    try {
      return c.body(await made, 200, { 'content-type': 'video/mp4' });
    } catch (error) {
      if (error instanceof InputError) return c.json({ error: error.message }, 400);
      if (signal.aborted) return c.body(null, 400); // nobody is there to read it
      throw error;
    }
  });
}
