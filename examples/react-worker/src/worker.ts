// Makes videos beside the page, which stays quick meanwhile. The checkpoint is loaded with the first one.

import { encodeVideo, VideoPipeline } from 'moviegen';
import type { Answer, Request } from './messages.ts';

let pipeline: VideoPipeline | undefined;
let stop = new AbortController();

const answer = (message: Answer, transfer: Transferable[] = []) => self.postMessage(message, { transfer });

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  stop.abort();
  if ('stop' in data) return;
  stop = new AbortController();
  const { signal } = stop;
  const { checkpoint, prompt, seed } = data.make;
  try {
    answer({ progress: 'loading' });
    pipeline ??= await VideoPipeline.fromPretrained(checkpoint, { signal });
    const { frames } = await pipeline.generate(prompt, {
      seed,
      signal,
      onProgress: (progress) =>
        answer({
          progress:
            progress.phase === 'sample' ? `step ${progress.step} of ${progress.steps}` : progress.phase,
        }),
    });
    const video = await encodeVideo(frames, { format: 'mp4' });
    answer({ video }, [video.buffer]);
  } catch (error) {
    answer({ error: signal.aborted ? 'stopped' : error instanceof Error ? error.message : String(error) });
  }
};
