// Which files a model of the hub has, and what to tell a person when the hub refuses. Not here: fetching the files (fetchCheckpoint.ts).

import type { HubModel, ModelPlace } from '../model.ts';
import { ProblemError } from '../problem.ts';
import { isBelow, type ListedFile } from './listedFiles.ts';
import { authorized } from './request.ts';

/**
 * The files of a model at a revision.
 * @throws ProblemError of one line; the signal's reason
 */
export async function listOfHub(
  { id, revision }: HubModel,
  place: ModelPlace,
  signal: AbortSignal,
): Promise<{ readonly commit: string; readonly files: readonly ListedFile[] }> {
  const { listFiles, modelInfo } = await import('@huggingface/hub');
  const hubUrl = place.hub.replace(/\/$/, '');
  const ask = async (url: string | URL | Request) =>
    refused(`${id}@${revision}`, place, await authorized(new URL(String(url)), place, { signal }));
  const common = { hubUrl, fetch: ask as typeof fetch };
  try {
    const { sha: commit } = await modelInfo({ name: id, revision, additionalFields: ['sha'], ...common });
    const files: ListedFile[] = [];
    for await (const one of listFiles({ repo: id, recursive: true, revision: commit, ...common })) {
      const { type, path, size, oid, lfs } = one;
      const name = lfs?.oid ?? oid;
      if (type !== 'file' || !isBelow(path) || !name || !/^[0-9a-f]+$/.test(name)) continue;
      files.push({ path, name, bytes: lfs?.size ?? size, check: lfs ? 'sha256' : 'git' });
    }
    // A gated model is listed for everyone, and its files are refused.
    const first = files[0];
    if (first !== undefined) {
      const at = new URL(`${hubUrl}/${id}/resolve/${commit}/${first.path}`);
      refused(`${id}@${revision}`, place, await authorized(at, place, { method: 'HEAD', signal }));
    }
    return { commit, files };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProblemError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new ProblemError('checkpoint-unreachable', `${place.hub} does not answer as the hub does: ${why}`);
  }
}

/** An answer, unless it is a refusal. @throws ProblemError that says what it means */
function refused(name: string, { hub, token }: ModelPlace, response: Response): Response {
  const { status, headers } = response;
  if (response.ok) return response;
  const { host } = new URL(hub);
  const code = headers.get('x-error-code');
  if (code === 'GatedRepo')
    throw new ProblemError('gated', `${host} gives ${name} only to those who accepted its terms`);
  if (code === 'RevisionNotFound')
    throw new ProblemError('no-such-model', `${host} has no such revision of ${name}`);
  if (code === 'RepoNotFound' || status === 404)
    throw new ProblemError(
      'no-such-model',
      `${host} has no model ${name}, or hides it from those without a token`,
    );
  if (status === 401 || status === 403)
    throw new ProblemError(
      'token',
      `${host} refuses ${token === undefined ? 'to give' : 'the token for'} ${name} (status ${status})`,
    );
  if (status === 429) throw new ProblemError('limited', `${host} limits the number of requests (status 429)`);
  throw new ProblemError('checkpoint-unreachable', `${host} does not give ${name}: status ${status}`);
}
