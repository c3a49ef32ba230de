// What the user has set for the hub, in the environment and by `huggingface-cli login`: the same names, folders and defaults as
// in Python's huggingface_hub. Read anew at each call.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../../errors.ts';

const isOn = (name: string): boolean => /^(1|on|yes|true)$/i.test(process.env[name] ?? '');

/** A path of the environment, with `~` and `$NAME` in it replaced. */
function pathIn(...names: string[]): string | undefined {
  const text = names.map((name) => process.env[name]).find((value) => value);
  return text
    ?.replace(/^~(?=$|[/\\])/, () => homedir())
    .replace(/\$(\w+)|\$\{(\w+)\}/g, (whole, a, b) => process.env[a ?? b] ?? whole);
}

function home(): string {
  return pathIn('HF_HOME') ?? join(pathIn('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
}

/** The folder in which the hub's models are kept. */
export const cacheFolder = (): string =>
  pathIn('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE') ?? join(home(), 'hub');

/** The hub's address. @throws InputError */
export function hubAddress(): URL {
  const given = process.env.HF_ENDPOINT || 'https://huggingface.co';
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '') return url;
  throw new InputError(
    'hub: HF_ENDPOINT must be an address like https://huggingface.co, without a name in it',
  );
}

/** Whether only the cache is to be used. */
export const isOffline = (): boolean => isOn('HF_HUB_OFFLINE') || isOn('TRANSFORMERS_OFFLINE');

/** The user's token: `HF_TOKEN`, else what `huggingface-cli login` has written; undefined where there is none. */
function token(): string | undefined {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN } = process.env;
  const given = (HF_TOKEN || HUGGING_FACE_HUB_TOKEN || '').trim();
  if (given !== '') return given;
  if (isOn('HF_HUB_DISABLE_IMPLICIT_TOKEN')) return undefined;
  try {
    return readFileSync(pathIn('HF_TOKEN_PATH') ?? join(home(), 'token'), 'utf8').trim() || undefined;
  } catch {
    return undefined; // not logged in
  }
}

/** Headers for an address: the token, where the address is on the hub; none for any other host. */
export function hubHeaders({ origin }: URL): Record<string, string> {
  const { HF_ENDPOINT: endpoint } = process.env;
  const hub = endpoint || 'https://huggingface.co';
  if (!URL.canParse(hub) || new URL(hub).origin !== origin) return {};
  const own = token();
  return own === undefined ? {} : { Authorization: `Bearer ${own}` };
}
