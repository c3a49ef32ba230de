// Past videos as state of the page. If the browser keeps nothing, they last as long as the page is open.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../problem.ts';
import { type MadeVideo, openResults, type Result, type ResultStore } from '../results/store.ts';

/** The past videos, and the one on the stage. */
export interface Results {
  /** The newest first; undefined until the store has been read. */
  readonly results: readonly Result[] | undefined;
  /** Why the last video was not kept. */
  readonly problem: Problem | undefined;
  add(result: Result, video: MadeVideo): Promise<void>;
  remove(result: Result): Promise<void>;
  video(result: Result): Promise<MadeVideo | undefined>;
}

/** Pages of one origin keep their results apart. */
const NAME = `moviegen ${new URL('.', document.baseURI).pathname}`;

export function useResults(): Results {
  const [results, setResults] = useState<readonly Result[] | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const store = useRef<Promise<ResultStore | undefined> | undefined>(undefined);
  const unkept = useRef(new Map<string, MadeVideo>());

  useEffect(() => {
    store.current = openResults(NAME).catch((error: unknown) => {
      console.warn('Past videos are not kept in this window:', error);
      return undefined;
    });
    void store.current.then(async (opened) => setResults((await opened?.list()) ?? []));
  }, []);

  const add = useCallback(async (result: Result, video: MadeVideo) => {
    setProblem(undefined);
    setResults((before = []) => [result, ...before]);
    try {
      const opened = await store.current;
      if (opened === undefined) unkept.current.set(result.id, video);
      else await opened.add(result, video);
    } catch (error) {
      unkept.current.set(result.id, video);
      setProblem(problemOf(error));
    }
  }, []);
  const remove = useCallback(async ({ id }: Result) => {
    setResults((before = []) => before.filter((one) => one.id !== id));
    unkept.current.delete(id);
    await (await store.current)?.remove(id);
    setProblem(undefined);
  }, []);
  const video = useCallback(
    async ({ id }: Result) => unkept.current.get(id) ?? (await store.current)?.video(id),
    [],
  );
  return { results, problem, add, remove, video };
}
