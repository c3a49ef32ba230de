// The playground in Firefox: its device page says what the adapter is, its self-test compares kernels with the CPU, its bench times
// them. It is started by test/drivers/firefox, which brings the browser and a driver.

import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Firefox } from './bidi.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const [path = '', filter = 'softmax'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'moviegen-playground-'));
const server = createServer((request, response) => {
  const name = new URL(request.url!, 'http://localhost').pathname.replace(/\/$/, '/index.html');
  const file = join(folder, name);
  if (!file.startsWith(folder) || !existsSync(file)) return response.writeHead(404).end();
  response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
  createReadStream(file).pipe(response);
});
let firefox: Firefox | undefined;

/** Waits until an expression in the page has a value. */
async function until<T>(what: string, expression: string, seconds = 280): Promise<T> {
  const late = performance.now() + 1000 * seconds;
  for (;;) {
    const value = await firefox!.evaluate<T | null>(expression);
    if (value !== null && value !== undefined) return value;
    const problem = await firefox!.evaluate<string | null>(
      `document.querySelector('.problem:not([hidden])')?.textContent ?? null`,
    );
    if (problem !== null) throw new Error(`${what}: the page says: ${problem}`);
    if (performance.now() > late) throw new Error(`${what}: nothing after ${seconds} s`);
    await pause(250);
  }
}

/** Fills a view's filter and starts its run. */
const run = (view: string, input: string): Promise<void> =>
  firefox!.evaluate(`(async () => {
    document.querySelector('#tab-${view}').click();
    let field;
    for (let k = 0; k < 200 && !(field = document.querySelector('#${input}')); k++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    field.value = ${JSON.stringify(filter)};
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    field.form.requestSubmit();
  })()`);

try {
  const build = ['run', 'playground:build', '--', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
  execFileSync('npm', build, { stdio: ['ignore', 'ignore', 'inherit'] });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  firefox = await Firefox.start(path);
  await firefox.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const gpu = await firefox.evaluate<string>(
    `navigator.userAgent + (navigator.gpu ? '' : ': no navigator.gpu')`,
  );
  console.log(gpu);
  await run('device', 'self-test-filter');
  const facts = await until<string>('device', `document.querySelector('.facts-list')?.innerText ?? null`);
  console.log(facts.replaceAll('\n', ' '));
  console.log(await until<string>('self-test', textOf('#view-device', /All \d+ checks passed/)));
  await run('kernels', 'bench-filter');
  console.log(await until<string>('bench', textOf('#view-kernels', /\d+ cases timed by [^.]*\./)));
  const wrong = await firefox.evaluate<number>(`document.querySelectorAll('.bad').length`);
  if (wrong > 0) throw new Error(`${wrong} results are wrong`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await firefox?.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}

/** An expression for the part of a view's text that a pattern finds. */
function textOf(view: string, pattern: RegExp): string {
  return `${pattern}.exec(document.querySelector('${view}').textContent)?.[0] ?? null`;
}
