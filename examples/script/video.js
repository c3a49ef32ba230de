// node video.js PROMPT CHECKPOINT VIDEO.mp4: a prompt in, a video out. Bun and Deno run the same file.

import { rename, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { encodeVideo, VideoPipeline } from 'moviegen';

const [prompt, checkpoint, file = 'video.mp4'] = process.argv.slice(2);
if (!prompt || !checkpoint) {
  console.error('usage: node video.js PROMPT CHECKPOINT [VIDEO.mp4]');
  process.exit(2);
}
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const pipeline = await VideoPipeline.fromPretrained(checkpoint, { signal: stop.signal });
try {
  const { frames } = await pipeline.generate(prompt, {
    signal: stop.signal,
    onProgress: (progress) => {
      if (progress.phase === 'sample') console.log(`step ${progress.step} of ${progress.steps}`);
    },
  });
  await writeFile(`${file}.tmp`, await encodeVideo(frames, { format: 'mp4' }));
  await rename(`${file}.tmp`, file);
  console.log(`${file}: ${frames.shape[0]} frames`);
} finally {
  pipeline.dispose();
}
