// A file of the hub that is not downloaded: reads ask for ranges of it. Not here: files in the cache (download.ts).

import type { ByteSource } from '@moviegen/safetensors';
import { resolveAddress } from '../../hubPlace.ts';
import { UnreachableError } from './refusal.ts';
import type { HubFile, Repository } from './repository.ts';
import { type RequestOptions, request } from './request.ts';
import { hubAddress } from './settings.ts';

/** A file of the hub that stays there: reads ask for ranges. For what needs a header alone. */
export function remoteSource(repository: Repository, file: HubFile, options: RequestOptions): ByteSource {
  const { id } = repository.cache;
  const wanted = { id, revision: repository.commit, path: file.path };
  const url = resolveAddress(hubAddress(), id, repository.commit, file.path);
  return {
    label: `${id}/${file.path}`,
    byteLength: file.bytes,
    async read(start, end, signal) {
      if (end === start) return new Uint8Array(0);
      const { retries = 3 } = options;
      const range = { Range: `bytes=${start}-${end - 1}` };
      for (let tried = 0; ; tried++) {
        const response = await request(url, wanted, { ...options, signal }, range);
        const whole = response.status === 200; // a server without ranges
        const body = await response.arrayBuffer().catch(() => signal?.throwIfAborted());
        const bytes = new Uint8Array(body ?? new ArrayBuffer(0)).slice(...(whole ? [start, end] : []));
        if (bytes.length === end - start) return bytes;
        if (tried >= retries)
          throw new UnreachableError(
            `hub: ${id}/${file.path}: got ${bytes.length} bytes, expected ${start} to ${end - 1}`,
          );
      }
    },
    close: async () => {},
  };
}
