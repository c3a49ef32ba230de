// Makes the built site work under any path: VitePress writes one base into every page and script, and here it becomes what the address
// of the page says. In pages, addresses become relative; in scripts, strings that hold the base take it from `globalThis.siteBase`.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** Stands for the base until the page is opened. */
export const BASE = '/site-base/';

/** Rewrites a site that was built with {@link BASE}. @param folder the built site */
export function anywhere(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const rewrite = name.endsWith('.html')
      ? (text: string) => relativePage(text, name.split(/[\\/]/).length - 1)
      : name.endsWith('.js')
        ? runtimeScript
        : undefined;
    if (rewrite) writeFileSync(path, rewrite(readFileSync(path, 'utf8')));
  }
}

/** A page whose addresses are relative. Once it is open they become absolute, since the router changes the page's own address. */
function relativePage(html: string, depth: number): string {
  const up = depth === 0 ? './' : '../'.repeat(depth);
  const head = `<head><script>globalThis.siteBase=new URL(${JSON.stringify(up)},location.href).pathname</script>`;
  const tail = `<script>for(const a of document.querySelectorAll('a[href]'))a.href=a.href</script></body>`;
  return html
    .replaceAll(
      /(<script>.*?<\/script>)|(["'=])\/site-base\//gs,
      (_, script: string | undefined, before: string) =>
        script === undefined
          ? before + up
          : runtimeScript(script.slice(8, -9), (code) => `<script>${code}</script>`),
    )
    .replace('<head>', head)
    .replace('</body>', tail);
}

/** A script whose strings take the base from `globalThis.siteBase`. */
function runtimeScript(code: string, wrap = (text: string) => text): string {
  if (!code.includes(BASE)) return wrap(code);
  const edits: { start: number; end: number; text: string }[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) visit(one);
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
    const { type, value, start, end } = node as {
      type?: string;
      value?: unknown;
      start: number;
      end: number;
    };
    if (type === 'Literal' && typeof value === 'string' && value.includes(BASE)) {
      const parts = value.split(BASE).map((part) => JSON.stringify(part));
      edits.push({ start, end, text: `(${parts.join('+globalThis.siteBase+')})` });
    } else if (type === 'TemplateElement') {
      edits.push({
        start,
        end,
        text: code.slice(start, end).replaceAll(BASE, '$' + '{globalThis.siteBase}'),
      });
    } else for (const child of Object.values(node)) visit(child);
  };
  visit(parseAst(code, { lang: 'js' }));
  let text = code;
  for (const edit of edits.sort((a, b) => b.start - a.start))
    text = text.slice(0, edit.start) + edit.text + text.slice(edit.end);
  return wrap(text);
}
