// A generation as state of the page, which can begin, watch and cancel it.

import type { Frames } from 'moviegen';
import { useCallback, useRef, useState } from 'preact/hooks';
import { client } from '../client.ts';
import type { Given } from '../given.ts';
import { advanced, type PhaseState, waiting } from '../phases.ts';
import { type Problem, problemOf } from '../problem.ts';
import type { GenerateNews, Made, Where } from '../protocol.ts';
import type { Settings } from '../settings.ts';

/** A generation that is running. */
export interface Running {
  readonly settings: Settings;
  readonly given: Given | undefined;
  readonly phases: readonly PhaseState[];
  readonly previews: readonly Frames[];
  readonly cancelling: boolean;
}

/** What the page knows of generations. */
export interface Generation {
  readonly running: Running | undefined;
  /** Why the last generation ended without a video. */
  readonly problem: Problem | undefined;
  /** Something that the person should know, although nothing failed. */
  readonly notice: string | undefined;
  /** Resolves with undefined if the generation is cancelled or fails. */
  begin(
    where: Where,
    settings: Settings,
    given: Given | undefined,
    onNews: (news: GenerateNews) => void,
  ): Promise<Made | undefined>;
  /** Says why a generation cannot begin. */
  refuse(problem: Problem): void;
  cancel(): void;
  /** Forgets what went wrong. */
  dismiss(): void;
}

export function useGeneration(): Generation {
  const [running, setRunning] = useState<Running | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const [notice, setNotice] = useState<string | undefined>();
  const stop = useRef<AbortController | undefined>(undefined);

  const begin = useCallback(
    async (
      where: Where,
      settings: Settings,
      given: Given | undefined,
      onNews: (news: GenerateNews) => void,
    ) => {
      const controller = new AbortController();
      stop.current = controller;
      setProblem(undefined);
      setNotice(undefined);
      const phases = waiting(given?.job === 'upscale');
      setRunning({ settings, given, phases, previews: [], cancelling: false });
      try {
        return await client.run(
          'generate',
          { ...where, settings, given },
          {
            signal: controller.signal,
            onNews: (news) => {
              if (news.notice !== undefined) setNotice(news.notice === '' ? undefined : news.notice);
              const { preview } = news;
              setRunning(
                (before) =>
                  before && {
                    ...before,
                    phases: advanced(before.phases, news, performance.now()),
                    previews: preview === undefined ? before.previews : [...before.previews, preview],
                  },
              );
              onNews(news);
            },
          },
        );
      } catch (error) {
        setProblem(problemOf(error));
        return undefined;
      } finally {
        setRunning(undefined);
      }
    },
    [],
  );
  const cancel = useCallback(() => {
    stop.current?.abort();
    setRunning((before) => before && { ...before, cancelling: true });
  }, []);
  const dismiss = useCallback(() => setProblem(undefined), []);
  return { running, problem, notice, begin, refuse: setProblem, cancel, dismiss };
}
