// Kills a server and its workers at random while clients ask for videos, and looks at what has become of every video.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeVideo } from 'moviegen';
import OpenAI from 'openai';

export interface Killing {
  readonly kills: number;
  readonly jobs: number;
  readonly workers: number;
  readonly data: string;
  readonly database?: string | undefined;
  readonly seed: number;
  /** Kills the database, and starts it again. */
  readonly killDatabase?: (() => Promise<void>) | undefined;
}

export interface Outcome {
  readonly accepted: number;
  readonly completed: number;
  /** Failed since two workers died with them. */
  readonly died: number;
  /** What should never be, a line each. */
  readonly wrong: string[];
  readonly kills: Record<string, number>;
  readonly seconds: number;
}

/** A port that is free. */
export const freePort = (): Promise<number> =>
  new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** A server as a process of its own. */
export class ServerProcess {
  pids: number[] = [];
  #child: ChildProcess | undefined;

  constructor(readonly settings: Record<string, unknown> & { readonly port: number }) {}

  get client(): OpenAI {
    return new OpenAI({
      apiKey: 'none',
      baseURL: `http://127.0.0.1:${this.settings.port}/v1`,
      maxRetries: 0,
      timeout: 5000,
    });
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it, and waits until its workers are there; a kill in between is no failure. */
  async start(): Promise<void> {
    const program = fileURLToPath(new URL('serveFake.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(this.settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.#child = child;
    await new Promise<void>((done) => {
      child.stdout!.on('data', (text: Buffer) => {
        this.pids = JSON.parse(text.toString()).pids;
        done();
      });
      child.once('exit', () => done());
    });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await gone;
  }
}

/** Kills as often as is asked for, lets everything end, and looks. */
export async function killAtRandom(options: Killing): Promise<Outcome> {
  const { kills, jobs, workers, data, database, killDatabase } = options;
  const began = Date.now();
  const random = mulberry(options.seed);
  const begun = join(await mkdtemp(join(tmpdir(), 'moviegen-begun-')), 'begun');
  const server = new ServerProcess({
    data,
    ...(database && { database }),
    port: await freePort(),
    workers,
    begun,
    stepMs: 25,
    leaseSeconds: 2,
  });
  await server.start();
  const { client } = server;
  const accepted = new Map<string, string>();
  let stop = false;
  const feeding = (async () => {
    for (let k = 0; k < jobs && !stop; k++) {
      // Asked again until it is answered: with the same key, so that it is one video.
      for (;;) {
        const headers = { 'Idempotency-Key': `job ${k}` };
        const created = await client.videos
          .create({ prompt: `job ${k}` }, { headers })
          .catch(() => undefined);
        if (created !== undefined) {
          accepted.set(created.id, `job ${k}`);
          break;
        }
        await wait(50);
      }
      await wait(random() * 30);
    }
  })();
  const count: Record<string, number> = { server: 0, worker: 0, database: 0 };
  for (let k = 0; k < kills; k++) {
    await wait(50 + random() * 500);
    const chance = random();
    if (killDatabase !== undefined && chance < 0.2) {
      count.database!++;
      await killDatabase();
    } else if (chance < 0.6) {
      count.worker!++;
      for (const pid of await childrenOf(server.pid)) if (random() < 0.7) kill(pid);
    } else {
      count.server!++;
      await server.end('SIGKILL');
      await server.start();
    }
  }
  await feeding;
  stop = true;
  const wrong: string[] = [];
  const videos = new Map<string, OpenAI.Videos.Video>();
  for (const deadline = Date.now() + 120_000; ; await wait(200)) {
    videos.clear();
    try {
      for await (const video of client.videos.list({ limit: 100 })) videos.set(video.id, video);
    } catch {
      continue;
    }
    const open = [...videos.values()].filter(({ status }) => status === 'queued' || status === 'in_progress');
    if (open.length === 0) break;
    if (Date.now() > deadline) {
      wrong.push(
        `${open.length} videos never end: ${open.map(({ id, status }) => `${id} ${status}`).join(', ')}`,
      );
      break;
    }
  }
  const attempts = new Map<string, number>();
  for (const line of (await readFile(begun, 'utf8').catch(() => '')).split('\n').filter(Boolean)) {
    const [id] = line.split(' ');
    attempts.set(id!, (attempts.get(id!) ?? 0) + 1);
  }
  let completed = 0;
  let died = 0;
  const prompts = new Map<string, number>();
  for (const video of videos.values()) prompts.set(video.prompt!, (prompts.get(video.prompt!) ?? 0) + 1);
  for (const [prompt, times] of prompts) if (times > 1) wrong.push(`${prompt} is ${times} videos`);
  for (const [id, prompt] of accepted) {
    const video = videos.get(id);
    const tries = attempts.get(id) ?? 0;
    if (video === undefined) wrong.push(`${prompt} is lost`);
    // Two attempts of its own, and three that the server took along.
    else if (tries > 5) wrong.push(`${prompt} was begun ${tries} times`);
    if (video?.status === 'failed') {
      died++;
      if (video.error?.code !== 'worker_died') wrong.push(`${prompt} has failed: ${video.error?.message}`);
    } else if (video?.status === 'completed') {
      completed++;
      const names = await readdir(join(data, 'videos', id));
      if (names.length !== 3) wrong.push(`${prompt} has the files ${names.join(', ')}`);
      const bytes = new Uint8Array(await (await client.videos.downloadContent(id)).arrayBuffer());
      const { shape } = await decodeVideo(bytes).catch(() => ({ shape: [0] }));
      if (shape[0] !== 4) wrong.push(`${prompt} has ${shape[0]} frames`);
    }
  }
  const scratch = await readdir(join(data, 'scratch'));
  await server.end('SIGTERM');
  // Where the folder is nobody's own, files that nobody writes to go after a day.
  if (database === undefined && scratch.length > workers * (1 + count.worker!))
    wrong.push(`${scratch.length} files stay in the scratch folder`);
  return {
    accepted: accepted.size,
    completed,
    died,
    wrong,
    kills: count,
    seconds: (Date.now() - began) / 1000,
  };
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const found: number[] = [];
  // tsx has a helper process of its own: a worker is a Node that runs our program.
  for (const child of text.split(' ').filter(Boolean)) {
    const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('serveFake')) found.push(Number(child));
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

/** A small generator of numbers in [0, 1), so that a run can be repeated. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
