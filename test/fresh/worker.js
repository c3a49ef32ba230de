import { encodeVideo, MovieGen, VideoPipeline } from 'moviegen';

/** @param {{ data: string }} message */
self.onmessage = async ({ data: prompt }) => {
  const pipeline = await VideoPipeline.fromPretrained('/checkpoint');
  const { frames } = await pipeline.generate(prompt);
  self.postMessage(
    pipeline instanceof MovieGen ? await encodeVideo(frames, { format: 'mp4' }) : pipeline.jobs,
  );
};
