// One process per data folder: PGlite would not survive two. The lock is a socket that listens, so that it goes with its
// process however that ends, and no file tells of a process that is long gone.

import { createHash } from 'node:crypto';
import { realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from 'moviegen';

/** Locks a folder. @returns a function that unlocks it. @throws InputError where another process has it */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  // The path of a socket has about a hundred letters at most.
  const name = `moviegen-${createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 24)}`;
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
  const inUse = () =>
    new InputError(`serve: another process uses the data folder ${folder}: stop it, or give another --data`);
  for (let tries = 0; tries < 3; tries++) {
    try {
      const server = await listen(path);
      server.unref();
      return () => new Promise((done) => void server.close(() => done()));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (await answers(path)) throw inUse();
      await rm(path, { force: true }); // its process was killed
    }
  }
  throw inUse();
}

const listen = (path: string): Promise<Server> =>
  new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', fail);
    server.listen(path, () => done(server));
  });

const answers = (path: string): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
