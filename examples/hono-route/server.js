// node server.js CHECKPOINT [PORT]

import { serve } from '@hono/node-server';
import { VideoPipeline } from 'moviegen';
import { videoRoute } from './route.js';

const [checkpoint, port = '3000'] = process.argv.slice(2);
if (!checkpoint) throw new Error('usage: node server.js CHECKPOINT [PORT]');
const pipeline = await VideoPipeline.fromPretrained(checkpoint);
const server = serve(
  { fetch: videoRoute(pipeline).fetch, hostname: '127.0.0.1', port: Number(port) },
  (info) => console.log(`POST http://127.0.0.1:${info.port}/video`),
);
process.once('SIGINT', () => server.close(() => pipeline.dispose()));
