// The worker does everything that takes longer than a moment. It answers the jobs of protocol.ts; each job has its own
// file.

import { blobSource, Safetensors } from '@moviegen/safetensors';
import { describeDevice, encodeVideo, readPromptStates, selfTest } from 'moviegen';
import { abilitiesOf } from '../checkpoint/abilities.ts';
import { runBench } from '../kernels/bench.ts';
import { ProblemError, problemOf } from '../problem.ts';
import type { FromWorker, JobName, Jobs, ToWorker } from '../protocol.ts';
import { adapterName } from './adapterName.ts';
import { generate } from './generate.ts';
import { openSource } from './given.ts';
import { abilitiesOnServer, generateOnServer, probeServer } from './remote.ts';
import { checkWebGpu, Session, storeName, storeOrNone } from './session.ts';

const post = (said: FromWorker, transfer: Transferable[] = []): void => self.postMessage(said, { transfer });
const session = new Session();
const running = new Map<number, AbortController>();

/** What a job gets in addition to its question. */
interface Context<K extends JobName> {
  readonly tell: (news: Jobs[K]['news'], transfer?: Transferable[]) => void;
  readonly signal: AbortSignal;
}
type Work = {
  readonly [K in JobName]: (ask: Jobs[K]['ask'], context: Context<K>) => Promise<Jobs[K]['answer']>;
};

const work: Work = {
  async probe({ server }) {
    if (server !== undefined) return probeServer(server);
    checkWebGpu();
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null)
      throw new ProblemError('no-adapter', 'this browser has WebGPU, but no adapter for it');
    return adapterName(adapter.info);
  },
  async abilities({ model, server }, { signal }) {
    if (server !== undefined) return abilitiesOnServer(server);
    return abilitiesOf(model, await storeOrNone(storeName(model)), signal);
  },
  async forget({ model }) {
    await (await storeOrNone(storeName(model)))?.retain(new Set());
    return null;
  },
  readStates: async ({ file }, { signal }) => (await readPromptStates(file, { signal })).prompt.text,
  async weightsKind({ file }, { signal }) {
    const tensors = await Safetensors.open(blobSource(file, file.name), { signal });
    const isLora = tensors.names().some((name) => /lora|lycoris|hada_|lokr_|\.diff(_b)?$/i.test(name));
    await tensors.close();
    return isLora ? 'lora' : 'other';
  },
  open: ({ file }, { signal }) => openSource(file, signal),
  generate: ({ settings, given, model, server }, { tell, signal }) =>
    server !== undefined
      ? generateOnServer(server, settings, given, tell, signal)
      : session.exclusive(
          () => {
            tell({ phase: 'fetch', notice: '' });
            return generate(session, model, settings, given, tell, signal);
          },
          signal,
          () =>
            tell({ phase: 'fetch', notice: 'Waits for the device: the bench or the self-test is running.' }),
        ),
  encode: ({ video, format }, { tell, signal }) => encodeVideo(video, { format, signal, onCodec: tell }),
  device: (_, { signal }) => session.exclusive(async () => describeDevice(await session.device()), signal),
  selfTest: ({ filter }, { tell, signal }) =>
    session.exclusive(
      async () => selfTest(await session.device(), { filter, signal, onProgress: told(tell) }),
      signal,
    ),
  bench: (ask, { tell, signal }) =>
    session.exclusive(
      async () => runBench(await session.device(), ask, { signal, onProgress: told(tell) }),
      signal,
    ),
};

/** Sends news, then lets the page's messages in before the work goes on; otherwise nothing could be cancelled. */
function told<T>(tell: (news: T) => void): (news: T) => Promise<void> {
  return async (news) => {
    tell(news);
    await new Promise((resolve) => setTimeout(resolve));
  };
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ('cancel' in data) running.get(data.cancel)?.abort();
  else void answer(data.id, data.job, data.ask);
};

async function answer<K extends JobName>(id: number, job: K, ask: Jobs[K]['ask']): Promise<void> {
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const { signal } = stop;
    const tell = (news: Jobs[K]['news'], transfer?: Transferable[]) => {
      if (!signal.aborted) post({ id, news }, transfer);
    };
    const result = await (work[job] as Work[K])(ask, { tell, signal } as Context<K>);
    signal.throwIfAborted();
    post({ id, answer: result });
  } catch (error) {
    let problem = problemOf(error);
    if (stop.signal.aborted) problem = { code: 'cancelled', message: 'cancelled' };
    else if (problem.code === 'internal') {
      const lost = await session.lostWithin(500);
      if (lost !== undefined) problem = problemOf(lost);
    }
    post({ id, problem });
  } finally {
    running.delete(id);
  }
}
