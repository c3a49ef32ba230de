// Runs code of a test in the page: a module of pages/ is bundled from source, and the test calls its functions.

import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { bundle } from './bundle.ts';
import { type OpenPageOptions, openPage } from './page.ts';
import { type Mount, serve, type TestServer } from './server.ts';

/** A module's functions as the test calls them: they run in the page, and arguments and results are copied. */
export type Remote<M> = {
  [K in keyof M]: M[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

type Functions = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/** A page with nothing but a module of pages/, and the server of both. */
export interface RemotePage<M> {
  readonly module: Remote<M>;
  readonly page: Page;
  readonly server: TestServer;
}

/**
 * Opens a page with the module `pages/<name>.ts`.
 * @param mounts what its server serves in addition
 */
export async function openModule<M>(
  browser: Browser,
  name: string,
  mounts: Readonly<Record<string, Mount>> = {},
  options: OpenPageOptions = {},
): Promise<RemotePage<M>> {
  const { code } = await bundle(createRequire(import.meta.url).resolve(`./pages/${name}.ts`));
  // The import is part of the page's text, because the test runner would rewrite an import in the text below.
  const html = `<!doctype html><html lang="en"><title>${name}</title><link rel="icon" href="data:,">
<script>globalThis.loaded = import('./module.js')</script>`;
  const server = await serve({ ...mounts, '/module/': { 'index.html': html, 'module.js': code } });
  const page = await openPage(browser, `${server.origin}/module/`, options);
  const call = (key: string, args: readonly unknown[]): Promise<unknown> =>
    page.evaluate(
      async ([at, given]) => {
        const { loaded } = globalThis as unknown as { loaded: Promise<Functions> };
        return (await loaded)[at]!(...given);
      },
      [key, args] as const,
    );
  const module = new Proxy(
    {},
    {
      get: (_, key) =>
        typeof key === 'string' && key !== 'then' ? (...args: unknown[]) => call(key, args) : undefined,
    },
  );
  return { module: module as Remote<M>, page, server };
}
