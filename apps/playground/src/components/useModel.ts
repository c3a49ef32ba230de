// A model as state of the page: where it is, by the page's address, and what it can do.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { client } from '../client.ts';
import { type Abilities, hubModel, type ModelPlace } from '../model.ts';
import { type Problem, problemOf } from '../problem.ts';
import type { ServerPlace } from '../protocol.ts';

const query = new URLSearchParams(location.search);

/** The model beside the page. */
const CHECKPOINT = new URL('checkpoint/', document.baseURI).href;

/** `?server=ADDRESS`: a server of `moviegen serve` that computes in place of this browser. */
export const SERVER = query.get('server') ?? undefined;

/** `?hub=ADDRESS`: another hub than the usual one. */
export const HUB =
  ((given) => (/^https?:/.test(given) && URL.canParse(given) ? given : undefined))(query.get('hub') ?? '') ??
  'https://huggingface.co';

/** What the page knows of a model. */
export interface ModelState {
  /** As a person typed it; empty for the model beside the page, or none. */
  readonly typed: string;
  readonly place: ModelPlace | undefined;
  /** Undefined until that is known. */
  readonly abilities: Abilities | undefined;
  /** Why it cannot be known. */
  readonly problem: Problem | undefined;
  /** Takes another model. */
  open(typed: string, token?: string): void;
  /** Reads it another way. */
  change(part: Pick<ModelPlace, 'dtype' | 'states'>): void;
  /** Removes what this browser keeps of it. */
  forget(): Promise<void>;
}

/**
 * @param name in the page's address: `?model=ORG/NAME`
 * @param idle whether no video is made: then what the model can do is asked again, unless it is known and all of it is here
 */
export function useModel(
  name: 'model' | 'upsampler',
  server: ServerPlace | undefined,
  idle: boolean,
): ModelState {
  const [typed, setTyped] = useState(query.get(name) ?? '');
  const [place, setPlace] = useState(() => placeOf(name, typed));
  const [abilities, setAbilities] = useState<Abilities | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const [asked, setAsked] = useState(0);

  useEffect(() => {
    const isKnown = abilities !== undefined && !(idle && abilities.size?.missing);
    if (place === undefined || isKnown) return;
    const stop = new AbortController();
    client.run('abilities', { model: place, server }, { signal: stop.signal }).then(
      (found) => {
        setAbilities(found);
        setProblem(undefined);
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setProblem(problemOf(error));
      },
    );
    return () => stop.abort();
  }, [place, server, idle, asked]);

  const again = useCallback(() => {
    setAbilities(undefined);
    setProblem(undefined);
    setAsked((count) => count + 1);
  }, []);
  const open = useCallback((text: string, token?: string) => {
    const now = text.trim();
    const url = new URL(location.href);
    if (now === '') url.searchParams.delete(name);
    else url.searchParams.set(name, now);
    history.replaceState(null, '', url);
    setTyped(now);
    const found = placeOf(name, now);
    setPlace(found && { ...found, token: hubModel(now) && token?.trim() ? token.trim() : undefined });
    again();
    if (found === undefined && now !== '')
      setProblem({ code: 'wrong-input', message: `${now} is neither ORG/NAME nor the address of a folder` });
  }, []);
  const change = useCallback((part: Pick<ModelPlace, 'dtype' | 'states'>) => {
    setPlace((before) => before && { ...before, ...part });
    if ('states' in part) again();
  }, []);
  const forget = useCallback(async () => {
    if (place !== undefined) await client.run('forget', { model: place });
    again();
  }, [place]);
  return { typed, place, abilities, problem, open, change, forget };
}

/** Where a model is, by what a person typed; undefined where that is nothing, or no address. */
function placeOf(name: 'model' | 'upsampler', typed: string): ModelPlace | undefined {
  if (typed === '') return name === 'model' ? { place: CHECKPOINT, hub: HUB } : undefined;
  if (hubModel(typed) !== undefined) return { place: typed, hub: HUB };
  const url = URL.canParse(typed, document.baseURI) ? new URL(typed, document.baseURI) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return { place: url.href, hub: HUB };
}
