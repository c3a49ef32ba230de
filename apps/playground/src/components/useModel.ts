// A model as state of the page: where it is, by the page's address, and what it can do.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { client } from '../client.ts';
import { type Abilities, hubModel, type ModelPlace, TYPES } from '../model.ts';
import { type Problem, ProblemError, problemOf } from '../problem.ts';
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

/** How a model is read. */
type Changes = Pick<ModelPlace, 'dtype' | 'maxMemory' | 'states' | 'loras'>;

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
  change(part: Partial<Changes>): void;
  /** Takes a file of tensors: a LoRA, or Wan's prompt states. Resolves with whether it can be used. */
  give(file: File): Promise<boolean>;
  /** Why the last file that was given is of no use. */
  readonly unfit: Problem | undefined;
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
  const [unfit, setUnfit] = useState<Problem | undefined>();
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
  const change = useCallback((part: Partial<Changes>) => {
    if (name === 'model') remember(part);
    setUnfit(undefined);
    setPlace((before) => before && { ...before, ...part });
    if ('states' in part) again();
  }, []);
  const isWan = abilities?.kind.startsWith('Wan') === true;
  const give = useCallback(
    async (file: File) => {
      try {
        const isLora = (await client.run('weightsKind', { file })) === 'lora';
        if (!isLora && !isWan)
          throw new ProblemError('lora', `${file.name}: none of its tensors is called as a LoRA’s are`);
        if (!isLora) change({ states: file });
        else setPlace((now) => now && { ...now, loras: [...(now.loras ?? []), { file, scale: 1 }] });
        setUnfit(undefined);
        return true;
      } catch (error) {
        setUnfit({ ...problemOf(error), code: 'lora' });
        return false;
      }
    },
    [isWan],
  );
  const forget = useCallback(async () => {
    if (place !== undefined) await client.run('forget', { model: place });
    again();
  }, [place]);
  return { typed, place, abilities, problem, open, change, give, unfit, forget };
}

/** Keeps in the page's address how the model is read, but for files. */
function remember(part: Partial<Changes>): void {
  const url = new URL(location.href);
  const keep = (name: string, value: string | undefined) =>
    value === undefined ? url.searchParams.delete(name) : url.searchParams.set(name, value);
  if ('dtype' in part) keep('dtype', part.dtype === 'f32' ? undefined : part.dtype);
  if ('maxMemory' in part)
    keep('memory', part.maxMemory === undefined ? undefined : `${part.maxMemory / 2 ** 30}`);
  history.replaceState(null, '', url);
}

/** The same as it was kept. */
function remembered(): Partial<Changes> {
  const { searchParams } = new URL(location.href);
  const dtype = searchParams.get('dtype') ?? '';
  const maxMemory = Number(searchParams.get('memory')) * 2 ** 30;
  return {
    ...(Object.hasOwn(TYPES, dtype) && { dtype: dtype as keyof typeof TYPES }),
    ...(maxMemory > 0 && { maxMemory }),
  };
}

/** Where a model is, by what a person typed; undefined where that is nothing, or no address. */
function placeOf(name: 'model' | 'upsampler', typed: string): ModelPlace | undefined {
  const how = { hub: HUB, ...(name === 'model' && remembered()) };
  if (typed === '') return name === 'model' ? { place: CHECKPOINT, ...how } : undefined;
  if (hubModel(typed) !== undefined) return { place: typed, ...how };
  const url = URL.canParse(typed, document.baseURI) ? new URL(typed, document.baseURI) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return { place: url.href, ...how };
}
