// A model of the hub as a caller names it: ORG/NAME, or a folder or a file in it. Not here: how its files are fetched (node/hub,
// and in a browser files.ts), whether a local folder has that name (node/platform.ts).

/** A model of the hub, or a place in it. */
export interface HubPlace {
  /** `ORG/NAME`. */
  readonly id: string;
  /** A folder in it, without a slash at the end; `''` is the root. */
  readonly folder: string;
}

const NAME = /^(?!.*(--|\.\.))[A-Za-z0-9_][\w.-]{0,95}$/;

/** A name of a file in a folder, not of a model. */
const FILE = /\.(safetensors|json|ckpt|pth?|bin)$/i;

/** The place that a text names on the hub; undefined where it cannot be one. */
export function hubPlace(text: string): HubPlace | undefined {
  const [org = '', name = '', ...below] = text.replace(/\/$/, '').split('/');
  if (!NAME.test(org) || !NAME.test(name) || FILE.test(name)) return undefined;
  if (below.some((part) => ['', '.', '..'].includes(part) || part.includes('\\'))) return undefined;
  return { id: `${org}/${name}`, folder: below.join('/') };
}

/** The address of a folder or a file of a model, as the hub serves it. */
export function resolveAddress(hub: string | URL, id: string, revision: string, path: string): URL {
  const parts = [...id.split('/'), 'resolve', revision, ...path.split('/')];
  const base = String(hub).replace(/\/$/, '');
  return new URL(`${base}/${parts.map(encodeURIComponent).join('/')}`);
}
