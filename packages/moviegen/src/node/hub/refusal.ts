// What the hub's refusals mean, in one line that says what to do. Not here: sending requests (request.ts).

import { withoutSecrets } from '@moviegen/safetensors';
import { CheckpointError } from '../../errors.ts';
import { hubAddress } from './settings.ts';

/** What is asked for, for messages. */
export interface Wanted {
  /** `ORG/NAME`. */
  readonly id: string;
  readonly revision: string;
  /** The folder in it that was named with it: the whole text may have been meant as a path on this machine. */
  readonly folder?: string;
  /** The file, where it is one. */
  readonly path?: string;
}

/** The hub cannot be reached: what is in the cache may do. */
export class UnreachableError extends CheckpointError {}

/** How a request was refused. */
interface Refused {
  readonly tries: number;
  /** Seconds that the server asks to wait. */
  readonly wait: number | undefined;
  /** Whether a token was sent. */
  readonly given: boolean;
}

/** Both readings of the text that was given, up to what the hub says: `there is no folder a/b/c here, and HOST`. */
const noFolder = ({ id, folder }: Wanted, host: string): string =>
  folder
    ? `there is no folder ${id}/${folder} here, and ${host}`
    : `there is no folder ${id} here, and ${host}`;

/** No answer came. */
export function unreachable(wanted: Wanted, cause: unknown): UnreachableError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const text = withoutSecrets(inner instanceof Error ? inner.message || inner.name : String(inner));
  return new UnreachableError(
    `hub: ${noFolder(wanted, hubAddress().host)}${wanted.folder ? `, where ${wanted.folder} may be a folder of the model ${wanted.id},` : ''} cannot be reached: ${text}`,
    {
      cause,
    },
  );
}

/** What a refusal means, and what to do. The hub says why in `X-Error-Code`; it hides private models behind 401 and 404. */
export function refusal(
  wanted: Wanted,
  { status, headers, url }: Response,
  { tries, wait, given }: Refused,
): CheckpointError {
  const { id, revision, path, folder } = wanted;
  const { host, origin } = hubAddress();
  const file = path === undefined ? id : `${id}/${path}`;
  const times = tries > 1 ? `, ${tries} times` : '';
  // The host that large files are on knows nothing of models and tokens.
  const other = url === '' || new URL(url).origin === origin ? undefined : new URL(url).host;
  if (other !== undefined)
    return new UnreachableError(`hub: ${other} does not give ${file}: status ${status}${times}`);
  const page = `${origin}/${id}`;
  const said = `status ${status}`;
  const code = headers.get('x-error-code');
  const line = (text: string) => new CheckpointError(`hub: ${text}`);
  if (code === 'EntryNotFound') return line(`${id} has no file ${path ?? ''} at ${revision} (${said})`);
  if (code === 'RevisionNotFound')
    return line(`${id} has no revision ${revision} (${said}): see ${page}/refs for its branches and tags`);
  if (code === 'GatedRepo')
    return line(
      `${id} is gated (${said}): accept its terms at ${page}, then ` +
        (given
          ? 'use a token of the account that has (HF_TOKEN, or huggingface-cli login)'
          : 'set HF_TOKEN to a token of that account, or log in with huggingface-cli login'),
    );
  if (code === 'RepoNotFound' || status === 404) {
    const none = `${noFolder(wanted, host)} has no ${folder ? `model ${id}` : 'such model'}`;
    return line(
      given
        ? `${none}, or none that the token may read (${said})`
        : `${none} (${said}): check its spelling; if it is private, set HF_TOKEN or log in with huggingface-cli login`,
    );
  }
  if (status === 401)
    return line(
      given
        ? `${host} refuses the token for ${id} (${said}): it is wrong or has expired; set HF_TOKEN to another, or log in again`
        : `${id} is private (${said}): set HF_TOKEN, or log in with huggingface-cli login`,
    );
  if (status === 403) return line(`${host} forbids ${id} (${said}): the token does not allow to read it`);
  if (status === 429) {
    const until = wait === undefined ? 'try again later' : `it asks to wait ${wait} s`;
    const own = given ? '' : '; with a token (HF_TOKEN) it allows more';
    return line(`${host} limits the number of requests (${said}, ${tries} of them): ${until}${own}`);
  }
  return new UnreachableError(`hub: ${host} does not give ${file}: ${said}${times}`);
}
