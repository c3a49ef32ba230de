// A PostgreSQL of this test's own, out of the system's package: begun in a temporary folder, killed and started at will.

import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './killing.ts';

const ROOT = '/usr/lib/postgresql';

/** A running PostgreSQL. */
export interface Postgres {
  readonly url: string;
  /** Kills it as a power cut would, all its processes at once. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Makes an empty database. @returns its address */
  newDatabase(): Promise<string>;
  close(): Promise<void>;
}

/** @throws Error where the system has none: apt-get install postgresql */
export async function startPostgres(): Promise<Postgres> {
  const version = readdirSync(ROOT).sort((a, b) => Number(b) - Number(a))[0]!;
  const bin = join(ROOT, version, 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'moviegen-postgres-'));
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  const as = isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (isRoot) chownSync(folder, as.uid!, as.gid!);
  const data = join(folder, 'data');
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'moviegen', '--no-sync', '-E', 'UTF8'],
    {
      ...as,
      stdio: 'ignore',
      cwd: folder,
    },
  );
  const port = await freePort();
  const url = `postgres://moviegen@127.0.0.1:${port}/postgres`;
  let child: ReturnType<typeof spawn> | undefined;
  const start = async () => {
    // It does not begin while processes of the one that was killed are still going.
    const args = ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
    for (const began = Date.now(); ; await new Promise((done) => setTimeout(done, 50))) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null)
        child = spawn(join(bin, 'postgres'), args, { ...as, stdio: 'ignore', cwd: folder, detached: true });
      const client = new pg.Client(url);
      client.on('error', () => {});
      try {
        await client.connect();
        await client.query('select 1');
        return;
      } catch (error) {
        if (Date.now() - began > 30_000) throw error;
      } finally {
        await client.end().catch(() => {});
      }
    }
  };
  const kill = async () => {
    const gone = new Promise((done) => child!.once('exit', done));
    process.kill(-child!.pid!, 'SIGKILL');
    await gone;
    await new Promise((done) => setTimeout(done, 100)); // its processes let go of their memory
  };
  await start();
  let databases = 0;
  return {
    url,
    kill,
    start,
    async newDatabase() {
      const name = `test${++databases}`;
      const client = new pg.Client(url);
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return url.replace(/postgres$/, name);
    },
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
