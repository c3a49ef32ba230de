// The checkpoint beside the page: served from its folder in development, copied into the build.
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Plugin } from 'vite';

/** The list of the files and their checksums, which the page reads first. */
const SUMS = 'SHA256SUMS';
/** What the pipeline reads. Model cards and training logs are not copied. */
const WANTED = /\.(json|safetensors)$/;

/** Gives the page a checkpoint under `checkpoint/`. @param source the checkpoint's folder */
export function checkpoint(source: string): Plugin {
  let outDir = '';
  return {
    name: 'checkpoint',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir);
    },
    configureServer(server) {
      server.middlewares.use('/checkpoint', async (request, response) => {
        const name = decodeURIComponent(new URL(request.url ?? '', 'http://localhost').pathname.slice(1));
        const wanted = [SUMS, ...(await names(source))];
        if (!wanted.includes(name)) {
          response.writeHead(404).end();
          return;
        }
        const file = join(source, name);
        response.writeHead(200, { 'content-length': (await stat(file)).size, 'cache-control': 'no-cache' });
        if (request.method === 'HEAD') response.end();
        else createReadStream(file).pipe(response);
      });
    },
    async writeBundle() {
      for (const name of [SUMS, ...(await names(source))]) {
        const to = join(outDir, 'checkpoint', name);
        await mkdir(dirname(to), { recursive: true });
        await copyFile(join(source, name), to);
      }
    },
  };
}

async function names(source: string): Promise<string[]> {
  const lines = (await readFile(join(source, SUMS), 'utf8')).split('\n');
  return lines.map((line) => line.replace(/^[0-9a-f]{64} [ *]/, '')).filter((name) => WANTED.test(name));
}
