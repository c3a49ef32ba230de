// What is given to the next generation as state of the page: a picture or a video, and what is to be done with it.

import { useCallback, useRef, useState } from 'preact/hooks';
import { client } from '../client.ts';
import { type Choice, type Given, type GivenJob, jobsFor, SECONDS, type Source } from '../given.ts';
import type { Abilities } from '../model.ts';
import { type Problem, problemOf } from '../problem.ts';

/** What can be done with what is given. */
export type Able = Pick<Abilities, 'jobs' | 'tasks' | 'named' | 'generation' | 'upscaling'>;

/** What the page knows of what is given. */
export interface GivenState {
  /** What the models can do; undefined until that is known. */
  readonly able: Able | undefined;
  readonly source: Source | undefined;
  /** A second file, where the job takes one. */
  readonly second: Source | undefined;
  /** The name of a file that is being read. */
  readonly reading: string | undefined;
  /** Why the last file could not be read. */
  readonly problem: Problem | undefined;
  /** What can be done with the source. */
  readonly jobs: readonly GivenJob[];
  readonly choice: Choice;
  /** For the next generation; undefined if there is nothing, or nothing that can be done with it. */
  readonly given: Given | undefined;
  choose(part: Partial<Choice>): void;
  /** Reads a file. Resolves with whether it can be used. */
  read(file: File, place?: 'source' | 'second'): Promise<boolean>;
  /** Takes a result, for a job. */
  take(source: Source, job: GivenJob): void;
  drop(): void;
}

export function useGiven(able: Able | undefined): GivenState {
  const [source, setSource] = useState<Source | undefined>();
  const [second, setSecond] = useState<Source | undefined>();
  const [reading, setReading] = useState<string | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const [choice, setChoice] = useState<Partial<Choice>>({});
  const stop = useRef<AbortController | undefined>(undefined);

  const read = useCallback(async (file: File, place: 'source' | 'second' = 'source') => {
    stop.current?.abort();
    const controller = new AbortController();
    stop.current = controller;
    setProblem(undefined);
    setReading(file.name);
    try {
      const opened = await client.run('open', { file }, { signal: controller.signal });
      if (place === 'source') setSource(opened);
      setSecond(place === 'second' ? opened : undefined);
      return true;
    } catch (error) {
      if (!controller.signal.aborted) setProblem(problemOf(error));
      return false;
    } finally {
      if (stop.current === controller) setReading(undefined);
    }
  }, []);
  const choose = useCallback((part: Partial<Choice>) => setChoice((before) => ({ ...before, ...part })), []);
  const take = useCallback((taken: Source, job: GivenJob) => {
    stop.current?.abort();
    setProblem(undefined);
    setSource(taken);
    setSecond(undefined);
    setChoice((before) => ({ ...before, job }));
  }, []);
  const drop = useCallback(() => {
    stop.current?.abort();
    setSource(undefined);
    setSecond(undefined);
    setProblem(undefined);
  }, []);

  const jobs = source && able ? jobsFor(source, able.jobs) : [];
  const job = jobs.find((one) => one === choice.job) ?? jobs[0];
  const usual = { job: 'image', strength: 0.8, task: '', scale: able?.upscaling?.scale ?? 2 } as const;
  const chosen = { ...usual, ...choice, job: job ?? usual.job };
  const beside = job && SECONDS[job] ? second?.file : undefined;
  const given = source &&
    job && {
      ...chosen,
      name: source.name,
      from: source.file ?? source.video,
      ...(beside && { second: beside }),
    };
  return {
    able,
    source,
    second,
    reading,
    problem,
    jobs,
    choice: chosen,
    given,
    choose,
    read,
    take,
    drop,
  };
}
