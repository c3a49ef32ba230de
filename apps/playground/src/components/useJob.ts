// A long job of the worker as state of the page: its news, its report, its problem, and a way to stop it.

import { useState } from 'preact/hooks';
import { client } from '../client.ts';
import { type Problem, problemOf } from '../problem.ts';
import type { JobName, Jobs } from '../protocol.ts';

/** What the page knows of a job that may be started again and again, one run at a time. */
export interface JobState<K extends JobName> {
  /** The job's latest news. */
  readonly news: Jobs[K]['news'] | undefined;
  readonly report: Jobs[K]['answer'] | undefined;
  /** Why the last run ended without a report. */
  readonly problem: Problem | undefined;
  /** Set while it runs. */
  readonly stop: AbortController | undefined;
  /** Starts the job and forgets what the previous run gave. Does nothing while the job runs. */
  run(ask: Jobs[K]['ask'], onNews?: (news: Jobs[K]['news']) => void): Promise<void>;
}

export function useJob<K extends JobName>(name: K): JobState<K> {
  const [news, setNews] = useState<Jobs[K]['news'] | undefined>();
  const [report, setReport] = useState<Jobs[K]['answer'] | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const [stop, setStop] = useState<AbortController | undefined>();

  const run: JobState<K>['run'] = async (ask, onNews) => {
    if (stop !== undefined) return;
    const controller = new AbortController();
    setStop(controller);
    setProblem(undefined);
    setReport(undefined);
    setNews(undefined);
    try {
      const told = (fresh: Jobs[K]['news']) => {
        setNews(() => fresh);
        onNews?.(fresh);
      };
      const answer = await client.run(name, ask, { signal: controller.signal, onNews: told });
      setReport(() => answer);
    } catch (error) {
      const found = problemOf(error);
      if (found.code !== 'cancelled') setProblem(found);
    } finally {
      setStop(undefined);
    }
  };
  return { news, report, problem, stop, run };
}
