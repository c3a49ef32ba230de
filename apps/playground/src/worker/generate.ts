// The job behind the button: a prompt and settings become frames.

import type { GenerateNews, Made } from '../protocol.ts';
import type { Settings } from '../settings.ts';
import { adapterName } from './adapterName.ts';
import type { Session } from './session.ts';

/** Milliseconds between news of bytes: a page need not know of every chunk. */
const PATIENCE = 60;

export async function generate(
  session: Session,
  checkpoint: string,
  settings: Settings,
  tell: (news: GenerateNews, transfer?: Transferable[]) => void,
  signal: AbortSignal,
): Promise<Made> {
  const loading = performance.now();
  const model = await session.model(checkpoint, sparsely(tell), signal);
  const load = (performance.now() - loading) / 1000;
  const { prompt, seed, steps, guidance, width, height, frames: numFrames } = settings;
  const made = await model.generate(prompt, {
    seed,
    steps,
    width,
    height,
    numFrames,
    signal,
    guidanceScale: guidance,
    onProgress: async (progress) => {
      const { phase } = progress;
      if (phase === 'sample') {
        const { step, steps } = progress;
        const total = steps === undefined ? {} : { total: steps };
        const preview = step === 0 ? undefined : (await progress.preview())[0]!;
        if (preview === undefined) tell({ phase, done: step, ...total });
        else tell({ phase, done: step, ...total, preview }, [preview.data.buffer]);
      } else if (phase === 'decode') tell({ phase, done: progress.frames, total: progress.totalFrames });
      else tell({ phase });
    },
  });
  return { video: made.frames, seconds: { load, ...made.timings }, adapter: adapterName(model.device.info) };
}

/** Passes the first and the last news of a phase on, and of those between only one per interval. */
function sparsely(tell: (news: GenerateNews) => void): (news: GenerateNews) => void {
  let [phase, at] = ['', 0];
  return (news) => {
    const now = performance.now();
    const ends = news.done === news.total || news.notice !== undefined;
    if (news.phase === phase && !ends && now - at < PATIENCE) return;
    [phase, at] = [news.phase, now];
    tell(news);
  };
}
