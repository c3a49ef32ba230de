// The local server of a comparison's page: on 127.0.0.1 alone, with the page, the videos of the present question and the votes.
// The page learns nothing of where a video comes from. Not here: what the page does (@moviegen/evaluation).

import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  type Answer,
  type Axis,
  DOCUMENT,
  type Question,
  type Shown,
  STYLE,
  type Votes,
} from '@moviegen/evaluation';
import type { VoteFile } from './voteFile.ts';

/** A pair of videos. */
export interface Pair {
  readonly prompt: string;
  /** Paths. */
  readonly a: string;
  readonly b: string;
}

/** What is compared, and where votes go. */
export interface Comparison {
  readonly pairs: readonly Pair[];
  readonly axes: readonly Axis[];
  readonly votes: Votes;
  readonly file: VoteFile;
}

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
const TYPES: Readonly<Record<string, string>> = { '.webm': 'video/webm', '.mkv': 'video/x-matroska' };
/** Bytes of a request. */
const MOST = 10_000;

/** A request that makes no sense: its message is the answer. */
class BadRequest extends Error {}

/** Serves a comparison. @returns the server, listening, and its address */
export async function serveComparison(
  comparison: Comparison,
  port: number,
): Promise<{ server: Server; url: string }> {
  const script = await readFile(fileURLToPath(import.meta.resolve('@moviegen/evaluation/page')), 'utf8');
  const texts: Readonly<Record<string, readonly [type: string, text: string]>> = {
    '/': ['text/html; charset=utf-8', DOCUMENT],
    '/page.css': ['text/css; charset=utf-8', STYLE],
    '/page.js': ['text/javascript; charset=utf-8', script],
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      const known = error instanceof BadRequest;
      if (!response.headersSent)
        response.writeHead(known ? 400 : 500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(error instanceof Error ? error.message : String(error));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    response.setHeader('cache-control', 'no-store');
    // Another site's page that names this address as its own is not answered.
    const { port: own } = server.address() as AddressInfo;
    if (![`127.0.0.1:${own}`, `localhost:${own}`].includes(request.headers.host ?? ''))
      throw new BadRequest('unknown host');
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (request.method === 'POST') {
      if (request.headers['content-type'] !== 'application/json') throw new BadRequest('expected JSON');
      const shown = await take(comparison, pathname, await bodyOf(request));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(shown));
      return;
    }
    const known = texts[pathname];
    if (known !== undefined) response.writeHead(200, { 'content-type': known[0] }).end(known[1]);
    else await sendVideo(videoAt(comparison, pathname), request, response);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

async function bodyOf(request: IncomingMessage): Promise<Partial<Answer>> {
  if (Number(request.headers['content-length'] ?? Number.NaN) > MOST) throw new BadRequest('too long');
  try {
    const body = JSON.parse(await textOf(request));
    if (typeof body === 'object' && body !== null) return body;
  } catch {
    // said below
  }
  throw new BadRequest('expected a JSON object');
}

/** Takes a vote, or takes one back; answers with what is to be judged next. */
async function take(comparison: Comparison, path: string, body: Partial<Answer>): Promise<Shown> {
  const { votes, file, pairs } = comparison;
  const rater = typeof body.rater === 'string' ? body.rater.trim() : '';
  if (rater === '' || rater.length > 80) throw new BadRequest('expected a name');
  const time = new Date().toISOString();
  if (path === '/vote') {
    const { axis, pair, round, choice } = body;
    const question = votes.next(rater);
    // A page that was left open elsewhere may ask about a pair that was judged since: it is shown the next one.
    if (
      question !== undefined &&
      question.axis === axis &&
      question.pair === pair &&
      question.round === round
    ) {
      if (choice !== 'left' && choice !== 'tie' && choice !== 'right')
        throw new BadRequest('expected a choice');
      const left = votes.leftOf(question);
      const other = left === 'A' ? 'B' : 'A';
      const line = {
        ...question,
        prompt: pairs[question.pair]!.prompt,
        choice: choice === 'tie' ? ('tie' as const) : choice === 'left' ? left : (other as 'A' | 'B'),
        left,
        time,
      };
      await file.append(line);
      votes.add(line);
    }
  } else if (path === '/undo') {
    const last = votes.lastOf(rater);
    if (last !== undefined) {
      const { choice, ...question } = last;
      const line = { ...question, prompt: pairs[last.pair]!.prompt, undo: true as const, time };
      await file.append(line);
      votes.add(line);
    }
  } else if (path !== '/next') throw new BadRequest('unknown address');
  return shownTo(comparison, rater);
}

function shownTo({ votes, axes, pairs }: Comparison, rater: string): Shown {
  const question = votes.next(rater);
  const base = { rater, ...votes.progress(rater), canUndo: votes.lastOf(rater) !== undefined };
  if (question === undefined) return base;
  const { title, question: asked } = axes.find(({ id }) => id === question.axis)!;
  const { axis, pair, round } = question;
  const at = (side: string) => `/video/${[axis, pair, round, encodeURIComponent(rater), side].join('/')}`;
  const prompt = pairs[pair]!.prompt;
  return {
    ...base,
    task: { axis, pair, round, title, question: asked, prompt, left: at('left'), right: at('right') },
  };
}

/** The path of a video, by the question that it is shown for and its side. */
function videoAt({ votes, pairs }: Comparison, path: string): string {
  const [, axis, pair, round, rater, side] =
    /^\/video\/(\w+)\/(\d{1,9})\/(\d)\/([^/]+)\/(left|right)$/.exec(path) ?? [];
  const found = pairs[Number(pair)];
  if (found === undefined) throw new BadRequest('unknown address');
  const question: Question = {
    axis: axis!,
    pair: Number(pair),
    round: Number(round),
    rater: decodeURIComponent(rater!),
  };
  return (votes.leftOf(question) === 'A') === (side === 'left') ? found.a : found.b;
}

/** Sends a file, or the part of it that is asked for. */
async function sendVideo(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { size } = await stat(path);
  const type = TYPES[extname(path).toLowerCase()] ?? 'video/mp4';
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const whole = from === '' && to === '';
  const start = from === '' ? (whole ? 0 : Math.max(0, size - Number(to))) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (start > end) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  response.writeHead(whole ? 200 : 206, {
    'content-type': type,
    'accept-ranges': 'bytes',
    'content-length': end - start + 1,
    ...(!whole && { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  const stream = createReadStream(path, { start, end });
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}
