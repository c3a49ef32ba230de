// A video as the state of a component: what the worker says, and how to ask it.

import { useEffect, useRef, useState } from 'react';
import type { Answer, Request } from './messages.ts';

export type VideoState =
  | { kind: 'idle' }
  | { kind: 'making'; progress: string }
  | { kind: 'made'; url: string }
  | { kind: 'failed'; error: string };

export function useVideo(checkpoint: string) {
  const [state, setState] = useState<VideoState>({ kind: 'idle' });
  const worker = useRef<Worker>(undefined);

  useEffect(() => {
    const made = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    made.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ('video' in data)
        setState({ kind: 'made', url: URL.createObjectURL(new Blob([data.video], { type: 'video/mp4' })) });
      else if ('error' in data) setState({ kind: 'failed', error: data.error });
      else setState({ kind: 'making', progress: data.progress });
    };
    made.onerror = ({ message }) => setState({ kind: 'failed', error: message });
    worker.current = made;
    return () => made.terminate();
  }, []);

  const url = state.kind === 'made' ? state.url : undefined;
  useEffect(() => () => (url === undefined ? undefined : URL.revokeObjectURL(url)), [url]);

  const ask = (request: Request) => worker.current?.postMessage(request);
  return {
    state,
    make: (prompt: string, seed: number) => ask({ make: { checkpoint, prompt, seed } }),
    stop: () => ask({ stop: true }),
  };
}
