// The harness itself: it has the right adapter, notices faults and serves ranges.

import { expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { takeFaults } from './faults.ts';
import { openPage, seriousAxeFaults } from './page.ts';
import { serve } from './server.ts';

const good = '<!doctype html><html lang="en"><title>page</title><link rel="icon" href="data:,">';
const server = await serve({
  '/some/sub/path/': {
    'index.html': `${good}<main><h1>A page</h1></main>`,
    'bad.html': `${good}<script src="no.js"></script><script>throw new Error('on purpose')</script>`,
    'far.html': `${good}<script>fetch('http://127.0.0.2:1/').catch(() => {})</script>`,
    'worker.html': `${good}<script>new Worker('worker.js')</script>`,
    'worker.js': `console.error('said in a worker');
fetch('http://127.0.0.3:1/').catch(() => {});
setTimeout(() => { throw new Error('thrown in a worker') });`,
    'strict.html': `${good}<meta http-equiv="Content-Security-Policy" content="script-src 'none'"><script>1</script>`,
    'unlabelled.html': `${good}<main><h1>A page</h1><input></main>`,
  },
  '/': import.meta.dirname,
});
const browser = await launchChromium();
const at = `${server.origin}/some/sub/path/`;

test('a page has WebGPU on SwiftShader and WebCodecs', async () => {
  const page = await openPage(browser, at);
  const found = await page.evaluate(async () => {
    const adapter = await navigator.gpu.requestAdapter();
    return {
      architecture: adapter?.info.architecture,
      device: (await adapter?.requestDevice()) !== undefined,
      encoder: typeof VideoEncoder,
    };
  });
  expect(found).toEqual({ architecture: 'swiftshader', device: true, encoder: 'function' });
});

/** Opens a page and waits until all of these faults were noticed. */
async function expectFaults(name: string, ...patterns: RegExp[]): Promise<void> {
  const faults: string[] = [];
  const page = await openPage(browser, at + name);
  const missing = (): string[] => {
    faults.push(...takeFaults());
    return patterns.filter((pattern) => !faults.some((fault) => pattern.test(fault))).map(String);
  };
  await expect.poll(missing, { timeout: 20_000 }).toEqual([]);
  await page.waitForLoadState('networkidle'); // and for any other faults
  takeFaults();
  await page.context().close();
}

test('faults are noticed, except expected ones', async () => {
  await expectFaults('bad.html', /^uncaught: Error: on purpose/, /^console: .*status of 404 .*no\.js/);
  await expectFaults('far.html', /^another origin: GET http:\/\/127\.0\.0\.2:1\//);
  await expectFaults(
    'worker.html',
    /said in a worker/,
    /thrown in a worker/,
    /another origin: .*127\.0\.0\.3/,
  );
  await expectFaults('strict.html', /Content Security Policy/);
  await openPage(browser, `${at}bad.html`, { expected: [/on purpose/, /no\.js/] });
});

test('axe-core runs', async () => {
  expect(await seriousAxeFaults(await openPage(browser, at))).toEqual([]);
  const faults = await seriousAxeFaults(await openPage(browser, `${at}unlabelled.html`));
  expect(faults).toEqual([expect.stringMatching(/^label \(critical\)/)]);
});

test('the server gives ranges, and nothing outside its folders', async () => {
  const get = (path: string, range?: string) =>
    fetch(server.origin + path, range === undefined ? {} : { headers: { range } });
  const part = await get('/server.ts', 'bytes=3-9');
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
    206,
    expect.stringMatching(/^bytes 3-9\/\d+$/),
    'A plain',
  ]);
  expect((await get('/server.ts', 'bytes=999999-')).status).toBe(416);
  expect((await get('/server.ts')).headers.get('content-type')).toBe('application/octet-stream');
  expect((await get('/..%2fbuild.ts')).status).toBe(404);
  expect((await get('/some/sub/path/none.html')).status).toBe(404);
});
