// One process at a time: a lock file that says who holds it, and that its holder touches while it lives. It spares a second download of
// the same file and no more: Node has no locks of the system's, so download.ts stays right where two processes hold it.

import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { temporaryName } from '../folders.ts';
import { pause } from './request.ts';

/** How often a holder touches its lock, and how old a lock is whose holder is gone, in milliseconds. */
const TOUCHED = 2000;
const STALE = 20_000;

/** Does some work while no other process does. @param path the lock's file, in a folder that exists */
export async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  while (!(await taken(path))) {
    if (await isStale(path)) await removed(path);
    else await pause(100, signal);
  }
  const touch = () => void utimes(path, new Date(), new Date()).catch(() => {});
  const timer = setInterval(touch, TOUCHED);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await rm(path, { force: true });
  }
}

async function taken(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(`${hostname()} ${process.pid}`);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a lock's holder is gone: its process has ended, or has not touched it for long. */
async function isStale(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > STALE) return true;
    const [host, pid] = (await readFile(path, 'utf8')).split(' ');
    if (host !== hostname() || !pid) return false;
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'; // else: it was released meanwhile
  }
}

/** Removes a lock; of several processes that try, one does. */
async function removed(path: string): Promise<void> {
  const away = temporaryName(path);
  await rename(path, away).catch(() => {});
  await rm(away, { force: true });
}
