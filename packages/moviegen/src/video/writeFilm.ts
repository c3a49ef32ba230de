// Frames into containers, through mediabunny (WebCodecs in a browser, FFmpeg's libraries in Node), which comes with this file:
// it is loaded only when a film is written. Not here: gif (encode.ts).

import {
  BufferTarget,
  canEncodeVideo,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  Quality,
  StreamTarget,
  type StreamTargetChunk,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from 'mediabunny';
import { registerCodecs } from '#platform';
import { InputError } from '../errors.ts';
import { type VideoStream, withAlpha } from './frames.ts';

type Codec = 'avc' | 'vp9' | 'vp8' | 'av1';

/** A film to write: how much there is of it, and its frames one by one, [H, W, 3]. */
export interface Film {
  readonly container: 'mp4' | 'webm';
  readonly fps: number;
  readonly shape: VideoStream['shape'];
  readonly frames: AsyncIterable<Uint8Array<ArrayBuffer>>;
  readonly signal: AbortSignal | undefined;
  readonly onFrame: (frames: number) => void;
  /** Is told the codec before the first frame. */
  readonly onCodec: (codec: Codec) => void;
}

/** A whole film in memory. */
export async function filmBytes(video: Film): Promise<Uint8Array<ArrayBuffer>> {
  const target = new BufferTarget();
  await film(video, target);
  if (target.buffer === null) throw new Error('internal: the video has no bytes');
  return new Uint8Array(target.buffer);
}

/** A film that is written while its frames arrive. */
export async function filmTo(
  write: (bytes: Uint8Array<ArrayBuffer>, position: number) => Promise<void> | void,
  video: Film,
): Promise<void> {
  const writable = new WritableStream<StreamTargetChunk>({
    write: ({ data, position }) => write(data, position),
  });
  await film(video, new StreamTarget(writable, { chunked: true, chunkSize: CHUNK_BYTES }));
}

/** How many bytes are gathered before they are written. */
const CHUNK_BYTES = 2 ** 20;

/** The codecs for each container, the one that most players know first. */
const CODECS: Readonly<Record<'mp4' | 'webm', Codec[]>> = {
  mp4: ['avc', 'vp9', 'av1'],
  webm: ['vp9', 'vp8', 'av1'],
};
// Constant quantizers, so good that only the resolution of colour is lost, which is halved. Each codec has a scale of its own:
// 0 .. 51, 0 .. 63, 0 .. 255.
const QUANTIZERS: Readonly<Partial<Record<Codec, number>>> = { avc: 10, vp9: 12, av1: 48 };
/** Bits per pixel, where the encoder has no quantizer. */
const BITS_PER_PIXEL = 2;

async function film(
  { container, fps, shape, frames, signal, onFrame, onCodec }: Film,
  target: BufferTarget | StreamTarget,
): Promise<void> {
  const [T, height, width] = shape;
  await registerCodecs();
  const fastStart = target instanceof BufferTarget ? 'in-memory' : 'reserve'; // with either, players need not seek
  const format = container === 'webm' ? new WebMOutputFormat() : new Mp4OutputFormat({ fastStart });
  const output = new Output({ format, target });
  timeless(output);
  const codec = await codecFor(container, width, height);
  onCodec(codec);
  const bitrate = Math.ceil(Math.max(1e6, width * height * fps * BITS_PER_PIXEL));
  const quantizer = QUANTIZERS[codec];
  const source = new VideoSampleSource({
    codec,
    quality: new Quality(quantizer === undefined ? { bitrate } : { quantizer, bitrate }),
    keyFrameInterval: 2,
    hardwareAcceleration: 'prefer-software', // hardware refuses small sizes and gives different bytes on each machine
    // RGB is converted here as BT.601 says. Some players show other colours where the file does not say so.
    onEncodedPacket: (_, metadata) => {
      const config = metadata?.decoderConfig;
      if (config !== undefined && !config.colorSpace?.matrix)
        config.colorSpace = { primaries: 'bt709', transfer: 'bt709', matrix: 'smpte170m', fullRange: false };
    },
  });
  output.addVideoTrack(source, { frameRate: fps, maximumPacketCount: T });
  try {
    await output.start();
    let k = 0;
    for await (const frame of frames) {
      const sample = new VideoSample(withAlpha(frame), {
        format: 'RGBX',
        codedWidth: width,
        codedHeight: height,
        timestamp: k / fps,
        duration: 1 / fps,
      });
      await source.add(sample);
      sample.close();
      k++;
      onFrame(k);
    }
    signal?.throwIfAborted();
    await output.finalize();
  } catch (error) {
    if (output.state !== 'finalized') await output.cancel().catch(() => {});
    throw error;
  }
}

async function codecFor(container: 'mp4' | 'webm', width: number, height: number): Promise<Codec> {
  // Encoders of AVC take only even sizes, even where they claim otherwise.
  const odd = width % 2 === 1 || height % 2 === 1;
  const codecs = CODECS[container].filter((codec) => !(odd && codec === 'avc'));
  const first = codecs[0]!;
  if (await canEncodeVideo(first, { width, height })) return first;
  const codec = await getFirstEncodableVideoCodec(codecs, { width, height });
  if (codec !== null) return codec as Codec; // one of those asked for
  throw new InputError(
    `video: nothing here encodes ${container} of ${width}x${height}; use gif or PNG frames`,
  );
}

/** Leaves the time of day out of an mp4, as FFmpeg does: the same frames give the same file. The library has no option for it. */
function timeless(output: Output): void {
  const { _muxer: muxer } = output as unknown as { readonly _muxer?: { creationTime?: number } };
  if (muxer?.creationTime !== undefined) muxer.creationTime = 0;
}
