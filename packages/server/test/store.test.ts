// The stores: a folder, and an S3 that checks every signature. Both do the same.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../src/jobs/videos.ts';
import { folderStore } from '../src/store/folder.ts';
import { s3Options, s3Store } from '../src/store/s3.ts';
import { bytesOf, type Store } from '../src/store/store.ts';
import { type S3Server, s3Server } from './support/s3Server.ts';

const SECRET = 'a secret/of+the bucket';
const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: SECRET };
const folders: string[] = [];
let s3: S3Server;
beforeAll(async () => {
  s3 = await s3Server('films', SECRET);
});
afterAll(async () => {
  s3.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const made: Record<string, () => Promise<Store>> = {
  folder: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'moviegen-store-'));
    folders.push(folder);
    return folderStore(folder);
  },
  's3 in a prefix': async () => {
    const store = await s3Store(s3Options(`s3://films/some/place?endpoint=${s3.url}&region=here`, env));
    folders.push(store.scratch);
    return store;
  },
};

for (const [name, make] of Object.entries(made))
  describe(name, () => {
    it('stores, gives, copies, lists and removes files', async () => {
      const store = await make();
      await store.check();
      const [id, other] = [newId('video'), newId('video')];
      const bytes = Uint8Array.from({ length: 1000 }, (_, k) => k);
      const path = join(store.scratch, 'a.mp4');
      await writeFile(path, bytes);
      await store.take(`${id}/a.mp4`, path);
      expect(await readdir(store.scratch)).toEqual([]);
      await store.put(`${id}/input-0.png`, bytes.subarray(0, 10));
      expect(await bytesOf((await store.get(`${id}/a.mp4`))!)).toEqual(bytes);
      const part = (await store.get(`${id}/a.mp4`, { start: 10, end: 19 }))!;
      expect([part.size, part.total]).toEqual([10, 1000]);
      expect(await bytesOf(part)).toEqual(bytes.subarray(10, 20));
      expect(await store.get(`${other}/a.mp4`)).toBeUndefined();
      expect(await store.copy(`${other}/none.mp4`, `${other}/input-0.mp4`)).toBe(false);
      expect(await store.copy(`${id}/a.mp4`, `${other}/input-0.mp4`)).toBe(true);
      expect(await bytesOf((await store.get(`${other}/input-0.mp4`))!)).toEqual(bytes);
      const ids: string[] = [];
      for await (const some of store.ids(0)) ids.push(...some);
      expect(new Set(ids)).toEqual(new Set([id, other]));
      await store.remove(id, (one) => !one.startsWith('input-'));
      expect(await store.get(`${id}/a.mp4`)).toBeUndefined();
      expect(await store.get(`${id}/input-0.png`)).toBeDefined();
      for (const one of [id, other, id]) await store.remove(one);
      expect(await store.get(`${other}/input-0.mp4`)).toBeUndefined();
    });

    it('takes no key but ours', async () => {
      const store = await make();
      for (const key of [
        '../x.mp4',
        `${newId('video')}/../x.mp4`,
        `/${newId('video')}/x.mp4`,
        'video_1/x.mp4',
        `${newId('video')}/x`,
      ])
        for (const use of [
          () => store.get(key),
          () => store.put(key, new Uint8Array()),
          () => store.remove(key),
        ])
          await expect((async () => use())()).rejects.toThrow('internal:');
    });
  });

describe('s3', () => {
  it('sends large files in parts, and tries again where the store stumbles', async () => {
    const store = await made['s3 in a prefix']!();
    const path = join(store.scratch, 'large.mp4');
    const bytes = new Uint8Array(9 * 2 ** 20).map((_, k) => k % 251);
    await writeFile(path, bytes);
    s3.stumble = 1;
    const id = newId('video');
    await store.take(`${id}/large.mp4`, path);
    expect(s3.objects.get(`some/place/${id}/large.mp4`)!.equals(bytes)).toBe(true);
    await store.remove(id);
  });

  it('is refused with a wrong secret, and says what addresses look like', async () => {
    const address = `s3://films?endpoint=${s3.url}`;
    const store = await s3Store(s3Options(address, { ...env, AWS_SECRET_ACCESS_KEY: 'another' }));
    folders.push(store.scratch);
    await expect(store.check()).rejects.toThrow('no bucket films, or this key may not read it');
    expect(() => s3Options('s3://films', {})).toThrow('AWS_ACCESS_KEY_ID');
    expect(() => s3Options('s3://a:b@films', env)).toThrow('keys do not belong into the address');
    expect(() => s3Options('https://films', env)).toThrow('s3://BUCKET');
    expect(s3Options('s3://films', { ...env, AWS_REGION: 'eu-1' }).endpoint).toBe(
      'https://s3.eu-1.amazonaws.com',
    );
  });
});
